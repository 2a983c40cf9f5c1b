"""Starts the two trainings that are compared: training/train.py as a container would, and plain `model.fit`."""

from __future__ import annotations

import json
import re
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from measured_process import Ended, run_measured
from pipeline.definition.candidates import find_candidates

ROOT = Path(__file__).resolve().parents[2]
BENCH = ROOT / "tests" / "bench"
_PAIR = re.compile(r"\b([a-z_]+)=([0-9.eE+-]+)")


@dataclass(frozen=True)
class Trained:
    """A training that has ended. `epoch_seconds` are of training alone, without measuring; one an epoch.

    `accuracies` are on test: one an epoch for plain fit, of the finished model alone for train.py; empty if not
    measured. `forward_flops` are of one image; None where the script does not tell.
    """

    images: int
    epoch_seconds: tuple[float, ...]
    accuracies: tuple[float, ...]
    process_seconds: float
    peak_memory: int
    forward_flops: int | None = None

    @property
    def steady_images_per_second(self) -> float:
        """The median pace of the epochs after the first, which compiles; of the first if there is no other."""
        return self.images / statistics.median(self.epoch_seconds[1:] or self.epoch_seconds)

    @property
    def train_seconds(self) -> float:
        """Seconds of all epochs' training."""
        return sum(self.epoch_seconds)


def network_flags(candidate: str) -> dict[str, str]:
    """The flags of train.py that are this candidate's own."""
    (found,) = find_candidates((candidate,))
    return {"candidate": candidate, **found.hyperparameters}


def train(
    candidate: str,
    processed: Path,
    threads: int | None,
    more: Mapping[str, str],
    test_data: Path | None = None,
) -> Trained:
    """Run train.py; `more` are further flags. With `test_data` (IDX files) the finished model is scored."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        flags = {
            **network_flags(candidate),
            **more,
            "train": processed / "train",
            "validation": processed / "validation",
            "manifest": processed,
            "model-dir": work / "model",
            "output-dir": work / "output",
            "checkpoint-dir": work / "checkpoints",
            **({} if threads is None else {"threads": threads}),
        }
        ended = run_measured([sys.executable, str(ROOT / "training" / "train.py"), *words(flags)])
        history = json.loads((work / "model" / "history.json").read_text())
        metrics = json.loads((work / "model" / "metrics.json").read_text())
        accuracies: tuple[float, ...] = ()
        if test_data is not None:
            scoring = {"model-dir": work / "model", "data": test_data}
            scored = run_measured([sys.executable, str(BENCH / "score_model.py"), *words(scoring)])
            accuracies = (told(scored.lines, "test_accuracy")[0],)
    images = json.loads((processed / "manifest.json").read_text())["splits"]["train"]["count"]
    return Trained(
        images=images,
        epoch_seconds=tuple(images / epoch["images_per_second"] for epoch in history),
        accuracies=accuracies,
        process_seconds=ended.seconds,
        peak_memory=ended.peak_memory,
        forward_flops=metrics.get("forward_flops"),
    )


def plain_fit(
    candidate: str, processed: Path, threads: int | None, epochs: int, until: float | None = None
) -> Trained:
    """Run plain_fit.py; with `until` it is measured on test after each epoch, and stops at that accuracy."""
    flags: dict[str, object] = {**network_flags(candidate), "epochs": epochs, "processed": processed}
    if threads is not None:
        flags["threads"] = threads
    measuring = [] if until is None else ["--test", "--until", str(until)]
    ended = run_measured(
        [sys.executable, str(BENCH / "plain_fit.py"), *words(flags), *measuring],
        PYTHONPATH=str(ROOT / "training"),
    )
    seconds = told(ended.lines, "seconds")
    return Trained(
        images=round(seconds[0] * told(ended.lines, "images_per_second")[0]),
        epoch_seconds=tuple(seconds),
        accuracies=tuple(told(ended.lines, "test_accuracy")),
        process_seconds=ended.seconds,
        peak_memory=ended.peak_memory,
    )


def sgemm(threads: int, seconds: float) -> float:
    """FLOP/s of this machine's best float32 matrix product on so many threads, `seconds` for each size."""
    flags = {"threads": threads, "seconds": seconds}
    ended: Ended = run_measured([sys.executable, str(BENCH / "sgemm.py"), *words(flags)])
    return told(ended.lines, "sgemm_flops_per_second")[0]


def words(flags: Mapping[str, object]) -> list[str]:
    """Flags as words of a command line."""
    return [word for name, value in flags.items() for word in (f"--{name}", str(value))]


def told(lines: Sequence[str], name: str) -> list[float]:
    """The values that lines give as `name=value`, in their order."""
    pairs = (dict(_PAIR.findall(line)) for line in lines)
    return [float(pair[name]) for pair in pairs if name in pair]
