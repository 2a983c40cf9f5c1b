"""The metrics of a training, by epoch."""

from __future__ import annotations

import math
from typing import Any

from pipeline.tracking.epochs import epochs_of, epochs_of_history, points_of
from pipeline.tracking.runs import Point

LOG = """\
[local] training job on 1 core
progress=0.37 epoch=1/2 images=20352/55000 loss=0.4312
epoch=1/2 train_loss=0.5 validation_accuracy=0.8 seconds=10.5
[algo-1] epoch=2/2 train_loss=0.25 validation_accuracy=0.9 seconds=9.5
epoch=x
"""


def test_an_epochs_time_is_the_start_and_the_seconds_until_then() -> None:
    points = points_of(epochs_of(LOG.splitlines()), 1000.0)
    assert [each for each in points if each.key != "seconds"] == [
        Point("train_loss", 0.5, 1_010_500, 1),
        Point("validation_accuracy", 0.8, 1_010_500, 1),
        Point("train_loss", 0.25, 1_020_000, 2),
        Point("validation_accuracy", 0.9, 1_020_000, 2),
    ]


def test_a_training_that_began_anew_in_the_same_log_adds_only_what_differs() -> None:
    again = LOG + LOG.replace("train_loss=0.25", "train_loss=0.125")
    points = points_of(epochs_of(again.splitlines()), 1000.0)
    assert [(each.step, each.value, each.time) for each in points if each.key == "train_loss"] == [
        (1, 0.5, 1_010_500),
        (2, 0.25, 1_020_000),
        (2, 0.125, 1_020_000),
    ]


def test_a_loss_that_is_no_number_is_a_point_too() -> None:
    (point,) = points_of(epochs_of(["epoch=1/1 train_loss=nan"]), 0.0)
    assert math.isnan(point.value)
    assert len(points_of(epochs_of(["epoch=1/1 train_loss=nan"] * 2), 0.0)) == 1


def test_what_the_evaluation_kept_reads_like_a_log() -> None:
    history: Any = [
        {"epoch": 1, "train_loss": 0.5, "seconds": 2.0},
        {"epoch": 2, "train_loss": 0.25, "seconds": 2.0},
    ]
    lines = ["epoch=1/2 train_loss=0.5 seconds=2.0", "epoch=2/2 train_loss=0.25 seconds=2.0"]
    assert points_of(epochs_of_history(history), 7.0) == points_of(epochs_of(lines), 7.0)
