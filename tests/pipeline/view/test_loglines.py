from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.view.loglines import EpochLine, ProgressLine, parse_line

EPOCH = (
    "epoch=1/3 train_loss=0.5123 train_accuracy=0.8123 validation_loss=0.4100 validation_accuracy=0.8512 "
    "learning_rate=0.003000 images_per_second=2050 seconds=26.9"
)
PROGRESS = "progress=0.37 epoch=2/3 images=20352/55000 loss=0.4312"


def test_the_line_of_an_epoch_gives_its_number_and_all_its_metrics() -> None:
    assert parse_line(EPOCH) == EpochLine(
        1,
        3,
        {
            "train_loss": 0.5123,
            "train_accuracy": 0.8123,
            "validation_loss": 0.41,
            "validation_accuracy": 0.8512,
            "learning_rate": 0.003,
            "images_per_second": 2050.0,
            "seconds": 26.9,
        },
    )


def test_a_line_of_progress_gives_the_fraction_and_the_epoch() -> None:
    assert parse_line(PROGRESS) == ProgressLine(0.37, 2, 3, {"loss": 0.4312})


def test_the_name_of_a_host_before_a_line_changes_nothing() -> None:
    assert parse_line(f"[algo-1] {EPOCH}") == parse_line(EPOCH)
    assert parse_line(f"[algo-12] {PROGRESS}\n") == parse_line(PROGRESS)
    assert parse_line(f"[local] {PROGRESS}") is None


def test_a_loss_that_is_not_a_number_is_a_value_like_others() -> None:
    parsed = parse_line("epoch=1/1 train_loss=nan")
    assert isinstance(parsed, EpochLine)
    assert math.isnan(parsed.metrics["train_loss"])


@pytest.mark.parametrize(
    "line",
    [
        "",
        "Counts: epoch=1/3",
        "epoch=1",
        "epoch=4/3 train_loss=0.1",
        "epoch=0/3",
        "epoch=one/3",
        "epoch=-1/3",
        f"epoch={'9' * 5000}/{'9' * 5000}",
        "epoch=²/3",
        "progress=",
        "progress=1.2 epoch=2/3",
        "progress=-0.1",
        "progress=nan",
        "progress=inf",
        "progress: 0.5",
    ],
)
def test_a_line_that_is_not_quite_progress_says_nothing(line: str) -> None:
    assert parse_line(line) is None


@given(st.one_of(st.text(), st.text().map("epoch=".__add__), st.text().map("progress=0.5 epoch=".__add__)))
def test_no_line_of_a_log_makes_the_parser_fail(line: str) -> None:
    parsed = parse_line(line)
    if isinstance(parsed, ProgressLine):
        assert 0 <= parsed.fraction <= 1
