from __future__ import annotations

import io
import re
import threading
from dataclasses import replace
from typing import Any

import pytest

from pipeline.execution import ExecutionRecord, StepRecord
from pipeline.view.plain import PlainView

EPOCH = (
    "epoch=1/3 train_loss=0.5123 train_accuracy=0.8123 validation_loss=0.4100 validation_accuracy=0.8512 "
    "learning_rate=0.003000 images_per_second=2050 seconds=26.9"
)


def record_of(*steps: StepRecord, **changes: Any) -> ExecutionRecord:
    return replace(ExecutionRecord("8f3a", "p", "local", "Executing", {}, 100.0, steps=steps), **changes)


def lines_of(stream: io.StringIO) -> list[str]:
    """The lines without their time of day."""
    lines = stream.getvalue().splitlines()
    assert all(re.match(r"\d\d:\d\d:\d\d ", line) for line in lines)
    return [line[9:] for line in lines]


def test_each_change_of_a_step_is_one_line_and_no_change_is_none() -> None:
    stream = io.StringIO()
    view = PlainView(stream)
    waiting = StepRecord("Train", "Training")
    running = replace(waiting, status="Executing", started_at=100.0, attempts=1)
    done = replace(running, status="Succeeded", ended_at=112.0)
    for step in (waiting, running, running, done):
        view.execution_changed(record_of(step))
    view.execution_changed(record_of(done, status="Succeeded", ended_at=125.0))
    assert lines_of(stream) == [
        "execution 8f3a: 1 step",
        "Train: running",
        "Train: succeeded after 12 s",
        "execution 8f3a: succeeded after 25 s",
    ]


def test_steps_that_move_behind_a_new_one_are_no_news() -> None:
    stream = io.StringIO()
    view = PlainView(stream)
    first, last = StepRecord("Each", "ForEach"), StepRecord("Last", "Processing", "Succeeded")
    view.execution_changed(record_of(first, last))
    child = StepRecord("P-0", "Processing", "Executing", part_of="Each")
    view.execution_changed(record_of(first, child, last))
    assert lines_of(stream) == ["execution 8f3a: 2 steps", "Last: succeeded", "P-0: running"]


def test_a_finished_epoch_is_one_line_and_progress_within_it_is_none() -> None:
    stream = io.StringIO()
    view = PlainView(stream)
    view.log_line("Train", "progress=0.2 epoch=1/3")
    view.log_line("Train", EPOCH)
    view.log_line("Train", "epoch=oops")
    assert lines_of(stream) == [
        "Train: epoch 1 of 3, training accuracy 81.23 %, validation accuracy 85.12 %, validation loss 0.4100, "
        "2,050 images/s, 27 s"
    ]


def test_reused_retried_and_failed_steps_say_so() -> None:
    stream = io.StringIO()
    view = PlainView(stream)
    reused = StepRecord("Normalize", "Processing", "Succeeded", 1.0, 2.0, cached=True)
    retried = StepRecord("Train", "Training", "Executing", attempts=2)
    failed = StepRecord(
        "Evaluate", "Processing", "Failed", 1.0, 4.0, failure_reason="No space left\nsecond line"
    )
    view.execution_changed(record_of(reused, retried, failed))
    assert lines_of(stream)[1:] == [
        "Normalize: reused",
        "Train: running (attempt 2)",
        "Evaluate: failed after 3.0 s: No space left",
    ]


@pytest.mark.parametrize("reason", [None, "", " \n"])
def test_a_step_that_failed_without_a_reason_is_one_line(reason: str | None) -> None:
    stream = io.StringIO()
    PlainView(stream).execution_changed(
        record_of(StepRecord("Train", "Training", "Failed", failure_reason=reason))
    )
    assert lines_of(stream)[1:] == ["Train: failed"]


def test_no_control_code_of_a_job_gets_through() -> None:
    stream = io.StringIO()
    view = PlainView(stream)
    view.execution_changed(
        record_of(StepRecord("T\x1b[31m", "Training", "Failed", failure_reason="\x1b[2J\x07boom"))
    )
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", stream.getvalue())
    assert "boom" in stream.getvalue()


def test_a_stream_that_cannot_write_a_character_gets_another() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii", newline="\n")
    PlainView(stream).execution_changed(record_of(StepRecord("Entraîne-3×3", "Training", "Executing")))
    assert b"Entra?ne-3?3: running\n" in raw.getvalue()


@pytest.mark.parametrize("error", [BrokenPipeError(), OSError(5, "Input/output error"), ValueError("closed")])
def test_a_reader_that_went_away_does_not_fail_the_run(error: Exception) -> None:
    class Broken(io.StringIO):
        writes = 0

        def write(self, text: str) -> int:
            self.writes += 1
            raise error

    stream = Broken()
    view = PlainView(stream)
    view.execution_changed(record_of(StepRecord("Train", "Training", "Executing")))
    view.log_line("Train", EPOCH)
    assert stream.writes == 1


def test_lines_of_many_threads_are_not_mixed() -> None:
    stream = io.StringIO()
    view = PlainView(stream)

    def write(step: str) -> None:
        for _ in range(50):
            view.log_line(step, EPOCH)

    threads = [threading.Thread(target=write, args=(step,)) for step in "ABCD"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = lines_of(stream)
    assert len(lines) == 200
    assert {line.partition(":")[2] for line in lines} == {lines[0].partition(":")[2]}
