"""What training prints, SageMaker's metric definitions and the live view read."""

from __future__ import annotations

import re

import pytest

from pipeline.view.loglines import EpochLine, ProgressLine, parse_line
from tests.seams.conftest import Requests
from training_progress import EpochRecord, Progress

RECORD = EpochRecord(
    epoch=2,
    train_loss=0.51234,
    train_accuracy=0.81234,
    validation_loss=12.5,
    validation_accuracy=0.85117,
    learning_rate=0.00297,
    images_per_second=24_712.6,
    seconds=26.94,
)
SMALL = EpochRecord(1, 3e-6, 1.0, 2e-7, 1.0, 1e-9, 12.3, 0.01)


@pytest.fixture
def metrics(requests: Requests) -> dict[str, re.Pattern[str]]:
    """The regular expression of every metric that the training steps ask for."""
    per_step = [
        requests.of(step.name)["AlgorithmSpecification"]["MetricDefinitions"]
        for step in requests.steps("Training")
    ]
    assert all(definitions == per_step[0] for definitions in per_step)
    return {each["Name"]: re.compile(each["Regex"]) for each in per_step[0]}


def test_the_metric_definitions_read_every_metric_of_an_epoch(metrics: dict[str, re.Pattern[str]]) -> None:
    line = RECORD.line(epochs=3)
    read = {name: [float(found) for found in regex.findall(line)] for name, regex in metrics.items()}
    assert read == {
        "train_loss": [0.5123],
        "train_accuracy": [0.8123],
        "validation_loss": [12.5],
        "validation_accuracy": [0.8512],
        "images_per_second": [24_713],
    }


def test_the_metric_definitions_read_nothing_from_progress_within_an_epoch(
    metrics: dict[str, re.Pattern[str]],
) -> None:
    line = Progress(epoch=1, images=20_352, loss_sum=8_000.0).line(epochs=3, count=55_000)
    assert [name for name, regex in metrics.items() if regex.search(line)] == []


@pytest.mark.parametrize("record", [RECORD, SMALL])
def test_the_live_view_reads_an_epoch(record: EpochRecord) -> None:
    found = parse_line(record.line(epochs=3))
    assert isinstance(found, EpochLine)
    assert (found.epoch, found.epochs) == (record.epoch, 3)
    for name, value in found.metrics.items():
        assert value == pytest.approx(getattr(record, name), abs=0.5 if name == "images_per_second" else 0.06)
    shown = {"train_loss", "train_accuracy", "validation_loss", "validation_accuracy"}
    assert set(found.metrics) == shown | {"learning_rate", "images_per_second", "seconds"}


@pytest.mark.parametrize(
    ("progress", "fraction"),
    [
        (Progress(), 0.0),
        (Progress(epoch=1, images=20_352, loss_sum=8_000.0), 0.46),
        (Progress(epoch=2, images=55_000, loss_sum=8_000.0), 1.0),
    ],
)
def test_the_live_view_reads_progress_within_an_epoch(progress: Progress, fraction: float) -> None:
    found = parse_line(progress.line(epochs=3, count=55_000))
    assert isinstance(found, ProgressLine)
    assert (found.fraction, found.epoch, found.epochs) == (fraction, progress.epoch + 1, 3)
