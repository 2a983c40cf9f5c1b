"""The metrics of a training by epoch: out of its log's lines, or out of what the evaluation kept of it. Pure.

A log has no clock. An epoch's time is the start of the step and the seconds that the log says of each epoch
until then: whoever reads the log again gets the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import cast

from pipeline.analysis.evaluation import Epoch
from pipeline.tracking.runs import Point
from pipeline.view.loglines import EpochLine, parse_line

_SECONDS = "seconds"


def epochs_of(lines: Iterable[str]) -> list[EpochLine]:
    """The epochs that ended, as the log's lines tell them, in their order."""
    return [parsed for line in lines if isinstance(parsed := parse_line(line), EpochLine)]


def epochs_of_history(history: Iterable[Epoch]) -> list[EpochLine]:
    """The epochs in a candidate's `history` in evaluation.json."""
    entries = list(history)
    return [
        EpochLine(
            each["epoch"],
            len(entries),
            {name: value for name, value in cast(Mapping[str, float], each).items() if name != "epoch"},
        )
        for each in entries
    ]


def points_of(epochs: Iterable[EpochLine], started_at: float) -> tuple[Point, ...]:
    """The points of these epochs of a training that began at `started_at`; each key, epoch and value once.

    A training that began anew in the same log, after an interruption, tells an epoch twice: both stand, where they
    differ.
    """
    points: dict[tuple[str, int, str], Point] = {}
    passed, last = 0.0, 0
    for each in epochs:
        if each.epoch <= last:
            passed = 0.0
        last = each.epoch
        passed += each.metrics.get(_SECONDS, 0.0)
        time = round((started_at + passed) * 1000)
        for key, value in each.metrics.items():
            points.setdefault((key, each.epoch, repr(value)), Point(key, float(value), time, each.epoch))
    return tuple(points.values())
