from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest

from pipeline.execution import (
    EXECUTION_ENDS,
    STEP_ENDS,
    ExecutionRecord,
    ExecutionStatus,
    StepRecord,
    StepStatus,
    changed_places,
)
from pipeline.spec.service_model import shape
from pipeline.view.leaderboard import duration_of
from pipeline.view.states import STATES

UNDER_WAY = {"Pending", "Starting", "Executing", "Stopping"}


def test_an_execution_has_the_states_that_the_service_has() -> None:
    assert set(get_args(ExecutionStatus)) == set(shape("PipelineExecutionStatus").enum)
    assert set(get_args(StepStatus)) == {*shape("StepStatus").enum, "Pending", "Skipped"}


def test_the_places_of_changed_steps_are_found_by_value() -> None:
    a, b, c = (StepRecord(name, "Training") for name in "abc")
    assert changed_places((a, b), ()) == [0, 1]
    assert changed_places((a, replace(b), c), (a, b)) == [2]
    assert changed_places((a, c, b), (a, b)) == [1, 2]
    assert changed_places((a, replace(b, attempts=1)), (a, b, c)) == [1]


def test_every_state_that_is_not_under_way_is_an_end() -> None:
    assert set(get_args(ExecutionStatus)) - UNDER_WAY == EXECUTION_ENDS
    assert set(get_args(StepStatus)) - UNDER_WAY == STEP_ENDS


@pytest.mark.parametrize("status", sorted({*get_args(ExecutionStatus), *get_args(StepStatus)}))
def test_every_state_is_shown_in_words(status: str) -> None:
    assert status in STATES


def record(*steps: StepRecord, end: float | None = 5060.0) -> ExecutionRecord:
    return ExecutionRecord("a", "p", "local", "Succeeded", {}, 0.0, end, steps=steps)


def test_a_pause_before_resuming_is_no_part_of_the_time_that_an_execution_took() -> None:
    first, second = (
        StepRecord("A", "Processing", "Succeeded", 1.0, 10.0),
        StepRecord("B", "Training", "Succeeded", 5000.0, 5060.0),
    )
    resumed = record(first, second)
    assert resumed.seconds == 5060.0 - 4990.0
    assert duration_of(resumed) == "succeeded after 1 min 10 s, with a pause of 1 h 23 min"
    running = record(first, replace(second, ended_at=None), end=None)
    assert running.seconds is None
    assert running.seconds_until(5030.0) == 40.0


def test_an_execution_without_a_pause_took_all_of_its_time() -> None:
    steps = (
        StepRecord("A", "Processing", "Succeeded", 20.0, 3000.0),
        StepRecord("B", "Processing", "Succeeded", 30.0, 60.0),
        StepRecord("C", "Training", "Failed", 3030.0, 5060.0),
        StepRecord("D", "Training"),
    )
    assert record(*steps).seconds == 5060.0
    assert duration_of(record(*steps)) == "succeeded after 1 h 24 min"
    assert record().seconds == 5060.0
