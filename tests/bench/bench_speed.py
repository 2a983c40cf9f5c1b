"""Part `speed` of `make bench`: images per second, beside plain `model.fit` and the machine's sgemm."""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from pipeline.console import say
from trained import Trained, plain_fit, sgemm, train

TRAINING_FLOPS = 3  # forward passes' worth: the gradients of weights and of inputs take about one each


@dataclass(frozen=True)
class Speed:
    """One candidate, measured in train.py and in plain fit one right after the other, between two sgemm rates."""

    candidate: str
    images_per_second: float
    plain_images_per_second: float
    forward_flops: int | None
    sgemm_flops_per_second: float
    peak_memory: int
    plain_peak_memory: int
    start_seconds: float
    plain_start_seconds: float

    @property
    def ratio(self) -> float:
        """How many times as fast train.py is."""
        return self.images_per_second / self.plain_images_per_second

    def share(self, images_per_second: float) -> float | None:
        """The share of the sgemm rate that training at this pace is; None when FLOPs are not told."""
        if self.forward_flops is None:
            return None
        return images_per_second * TRAINING_FLOPS * self.forward_flops / self.sgemm_flops_per_second


def measure_speed(
    candidate: str,
    processed: Path,
    threads: int | None,
    epochs: int,
    at_once: int,
    sgemm_seconds: float,
) -> Speed:
    """Train one candidate both ways for some epochs; the first of them, which compiles, is left out.

    `at_once` equal trainings run together, each with its share of the threads; their images per second add up.
    """
    say(f"speed: {candidate} …")
    cores = threads or os.cpu_count() or 1
    share = threads if at_once == 1 else cores // at_once
    before = sgemm(cores, sgemm_seconds)
    ours = _together(at_once, lambda: train(candidate, processed, share, {"epochs": str(epochs)}))
    between = sgemm(cores, sgemm_seconds)
    plain = _together(at_once, lambda: plain_fit(candidate, processed, share, epochs))
    after = sgemm(cores, sgemm_seconds)
    return Speed(
        candidate=candidate,
        images_per_second=sum(one.steady_images_per_second for one in ours),
        plain_images_per_second=sum(one.steady_images_per_second for one in plain),
        forward_flops=ours[0].forward_flops,
        sgemm_flops_per_second=statistics.median((before, between, after)),
        peak_memory=max(one.peak_memory for one in ours),
        plain_peak_memory=max(one.peak_memory for one in plain),
        start_seconds=statistics.median(beside_training(one) for one in ours),
        plain_start_seconds=statistics.median(beside_training(one) for one in plain),
    )


def _together(count: int, run: Callable[[], Trained]) -> list[Trained]:
    with ThreadPoolExecutor(count) as pool:
        return [future.result() for future in [pool.submit(run) for _ in range(count)]]


def beside_training(one: Trained) -> float:
    """Seconds of the process that no epoch's training took: starting, measuring, saving."""
    return one.process_seconds - one.train_seconds


def speed_table(rows: Sequence[Speed]) -> str:
    """The rows as text; "plain" is model.fit."""
    titles = ("", "images/s", "plain", "ratio", "of sgemm", "plain", "peak MB", "plain", "other s", "plain")
    lines = [_line(titles)]
    for row in rows:
        shares = (row.share(row.images_per_second), row.share(row.plain_images_per_second))
        ours, plain = ("–" if share is None else f"{share:.0%}" for share in shares)
        lines.append(
            _line(
                (
                    row.candidate,
                    f"{row.images_per_second:,.0f}",
                    f"{row.plain_images_per_second:,.0f}",
                    f"{row.ratio:.2f}",
                    ours,
                    plain,
                    f"{row.peak_memory / 1e6:.0f}",
                    f"{row.plain_peak_memory / 1e6:.0f}",
                    f"{row.start_seconds:.1f}",
                    f"{row.plain_start_seconds:.1f}",
                )
            )
        )
    rates = ", ".join(f"{row.sgemm_flops_per_second / 1e9:.0f}" for row in rows)
    lines.append(
        f"sgemm, measured before, between and after each pair: {rates} GFLOP/s (medians). FLOPs of training are "
        "three times those of the forward pass. “other s”: the process beside training: start, measuring, saving."
    )
    return "\n".join(lines)


def _line(cells: Sequence[str]) -> str:
    return f"{cells[0]:16}" + "".join(f"{cell:>10}" for cell in cells[1:])


def speed_json(rows: Sequence[Speed]) -> list[dict[str, object]]:
    """The rows as JSON values."""
    return [
        asdict(row)
        | {
            "ratio": row.ratio,
            "sgemm_share": row.share(row.images_per_second),
            "plain_sgemm_share": row.share(row.plain_images_per_second),
        }
        for row in rows
    ]
