"""What a run says, read back: the lines are those that pipeline.view.plain writes."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import pytest

from pipeline.cli.notebook.progress import Progress
from pipeline.execution import ExecutionRecord, StepRecord
from pipeline.view.plain import PlainView

EPOCH = (
    "epoch=1/3 train_loss=0.5123 train_accuracy=0.8123 validation_loss=0.4100 validation_accuracy=0.8512 "
    "learning_rate=0.003000 images_per_second=2050 seconds=26.9"
)
WAITING = StepRecord("Train-cnn-3x3-0", "Training")
RUNNING = replace(WAITING, status="Executing", started_at=100.0, attempts=1)


def heard_of(*steps: StepRecord, log: str = "") -> Progress:
    """What Progress makes of the lines that a run writes as its step goes through these states."""
    stream = io.StringIO()
    view = PlainView(stream)
    for step in steps:
        view.execution_changed(ExecutionRecord("8f3a", "p", "local", "Executing", {}, 100.0, steps=(step,)))
    if log:
        view.log_line(WAITING.name, log)
    progress = Progress.of([WAITING.name, "Evaluate"])
    for line in stream.getvalue().splitlines():
        progress.hear(line)
    return progress


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({}, "running"),
        ({"status": "Succeeded", "ended_at": 112.0}, "succeeded"),
        ({"status": "Succeeded", "ended_at": 100.1, "cached": True}, "reused"),
        ({"status": "Failed", "ended_at": 112.0, "failure_reason": "running out of memory"}, "failed"),
        ({"status": "Stopping"}, "stopping"),
        ({"status": "Stopped", "ended_at": 112.0}, "stopped"),
        ({"status": "Starting", "attempts": 2}, "starting"),
    ],
)
def test_each_state_of_a_step_is_understood(changes: dict[str, Any], word: str) -> None:
    progress = heard_of(WAITING, RUNNING, replace(RUNNING, **changes))
    assert progress.states[WAITING.name].word == word
    assert progress.words[WAITING.name].startswith(word)
    assert progress.states["Evaluate"].word == "waiting"


def test_an_epoch_is_words_on_a_step_that_is_still_running() -> None:
    progress = heard_of(WAITING, RUNNING, log=EPOCH)
    assert progress.states[WAITING.name].word == "running"
    assert progress.words[WAITING.name].startswith("epoch 1 of 3, training accuracy 81.23 %")


def test_an_epoch_that_is_told_after_the_end_does_not_hide_the_end() -> None:
    progress = heard_of(WAITING, replace(RUNNING, status="Succeeded", ended_at=112.0), log=EPOCH)
    assert progress.states[WAITING.name].word == "succeeded"
    assert progress.words[WAITING.name] == "succeeded after 12 s"


@pytest.mark.parametrize(
    "line", ["Compiling …", "10:00:00 execution 8f3a: 5 steps", "10:00:00 Other: running", ""]
)
def test_other_lines_change_nothing(line: str) -> None:
    progress = Progress.of(["Train"])
    assert progress.hear(line) is False
    assert progress == Progress.of(["Train"])
