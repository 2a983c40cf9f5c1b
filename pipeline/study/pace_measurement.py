"""Measures how fast candidates train here: the real training script, on the real data, for some seconds each.

As many copies run at once as trainings will, so that what they take from each other is measured too.
"""

from __future__ import annotations

import os
import re
import shutil
import statistics
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Self

from pipeline.errors import StepFailed
from pipeline.local.state.state_dir import Home
from pipeline.study.pace import Pace
from pipeline.view.loglines import EpochLine, parse_line

ROOT = Path(__file__).resolve().parents[2]
MEASURED_SECONDS = 6.0
PATIENCE_SECONDS = 300.0
_POLL_SECONDS = 0.05
_TAIL_LINES = 5
_IMAGES = re.compile(r"\bimages=([0-9]+)/[0-9]+")


@contextmanager
def calibration(
    home: Home, data: Path, parallel: int, threads: int, python: str = sys.executable
) -> Iterator[Calibration]:
    """A Calibration on the IDX files in `data`; its temporary folder goes away at the end of the block."""
    folder = home.scratch("calibration")
    folder.mkdir()
    try:
        yield Calibration(folder, data, parallel, threads, python)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Calibration:
    """Measures paces. The data are normalized once, by the pipeline's own script, when the first is measured."""

    def __init__(
        self, folder: Path, data: Path, parallel: int, threads: int, python: str = sys.executable
    ) -> None:
        """`python` is the program that trainings run with."""
        self._folder = folder
        self._data = data
        self._parallel = parallel
        self._threads = threads
        self._python = python
        self._processed: Path | None = None

    def measure(self, hyperparameters: Mapping[str, str]) -> Pace:
        """The pace of a training with these hyperparameters.

        Raises:
            StepFailed: the training script, or the normalization before it, fails.
        """
        processed = self._processed or self._normalize()
        # One epoch: should this process be killed, the trainings that it leaves behind end soon.
        flags = [
            word
            for name, value in {**hyperparameters, "epochs": "1"}.items()
            for word in (f"--{name}", value)
        ]
        environment = _environment(self._threads)
        doing = f"Measuring how fast {hyperparameters['candidate']} trains"
        with ExitStack() as stack:
            copies = []
            for number in range(self._parallel):
                folders = {
                    "--train": processed / "train",
                    "--validation": processed / "validation",
                    "--manifest": processed,
                    **{
                        f"--{kind}-dir": self._folder / f"{kind}-{number}"
                        for kind in ("model", "output", "checkpoint")
                    },
                }
                words = [str(word) for pair in folders.items() for word in pair]
                command = [self._python, str(ROOT / "training" / "train.py"), *flags, *words]
                copies.append(
                    stack.enter_context(_Copy([*command, "--threads", str(self._threads)], environment))
                )
            deadline = time.monotonic() + PATIENCE_SECONDS
            while not all(copy.measured for copy in copies):
                failed = next((copy for copy in copies if copy.ended and not copy.measured), None)
                if failed is not None or time.monotonic() > deadline:
                    raise StepFailed(
                        f"{doing} failed: "
                        + (
                            f"it ended with exit status {failed.status}"
                            if failed
                            else f"it did not progress for {MEASURED_SECONDS:.0f} s within {PATIENCE_SECONDS:.0f} s"
                        )
                        + "".join(f"\n  {line}" for line in (failed or copies[0]).tail)
                        + "\nLook for the cause with: python -m pipeline run --param Epochs=1"
                    )
                time.sleep(_POLL_SECONDS)
            rate = statistics.mean(copy.images_per_second for copy in copies)
            # It writes the model for about as long as it starts.
            overhead = 2 * max(copy.starting_seconds for copy in copies)
        for kind in ("model", "output", "checkpoint"):
            for left in self._folder.glob(f"{kind}-*"):
                shutil.rmtree(left, ignore_errors=True)
        return Pace(rate, overhead, "measured just now")

    def _normalize(self) -> Path:
        processed = self._folder / "processed"
        script = [self._python, str(ROOT / "processing" / "normalize.py")]
        done = subprocess.run(
            [*script, "--input", str(self._data), "--output", str(processed)],
            env=_environment(self._threads),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        if done.returncode != 0:
            raise StepFailed(
                f"Normalizing {self._data} to measure the models' pace failed with exit status {done.returncode}\n"
                + "\n".join(done.stdout.splitlines()[-_TAIL_LINES:])
            )
        self._processed = processed
        return processed


class _Copy:
    """A training script while it is watched; killed when the block ends."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self._began = time.monotonic()
        self._started: float | None = None
        self._samples: list[tuple[float, int]] = []  # seconds, images shown
        self._epoch_rate: float | None = None
        self.tail: deque[str] = deque(maxlen=_TAIL_LINES)
        # In a session of its own: Ctrl-C is for this process, which ends the copy.
        self._process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._process.kill()
        self._process.wait()
        self._reader.join()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                now = time.monotonic()
                self.tail.append(line.rstrip())
                if self._started is None and line.startswith("Training "):
                    self._started = now
                told = parse_line(line)
                if isinstance(told, EpochLine):
                    self._epoch_rate = told.metrics.get("images_per_second")
                elif told is not None and (images := _IMAGES.search(line)):
                    self._samples.append((now, int(images[1])))

    @property
    def ended(self) -> bool:
        """Whether it has ended and all that it wrote is read."""
        return self._process.poll() is not None and not self._reader.is_alive()

    @property
    def status(self) -> int | None:
        """Its exit status."""
        return self._process.returncode

    @property
    def measured(self) -> bool:
        """Whether it has shown images for long enough, or a whole epoch's."""
        long_enough = bool(self._samples) and self._samples[-1][0] - self._samples[0][0] >= MEASURED_SECONDS
        return long_enough or self._epoch_rate is not None

    @property
    def images_per_second(self) -> float:
        """The pace, without that of the first seconds; only once it is measured."""
        if self._epoch_rate is not None:
            return self._epoch_rate
        (first, before), (last, after) = self._samples[0], self._samples[-1]
        return (after - before) / (last - first)

    @property
    def starting_seconds(self) -> float:
        """Seconds from its start to the start of training."""
        first = self._started or (self._samples[0][0] if self._samples else time.monotonic())
        return first - self._began


def _environment(threads: int) -> dict[str, str]:
    """This process's environment without what would say where a job's folders are."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SM_")}
    return kept | {
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "TF_CPP_MIN_LOG_LEVEL": "2",
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",
        "OMP_NUM_THREADS": str(threads),
    }
