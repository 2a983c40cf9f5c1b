from __future__ import annotations

from typing import get_args

import pytest

from pipeline.execution import EXECUTION_ENDS, STEP_ENDS, ExecutionStatus, StepStatus
from pipeline.spec.validation.service_model import shape
from pipeline.view.states import STATES

UNDER_WAY = {"Pending", "Starting", "Executing", "Stopping"}


def test_an_execution_has_the_states_that_the_service_has() -> None:
    assert set(get_args(ExecutionStatus)) == set(shape("PipelineExecutionStatus").enum)
    assert set(get_args(StepStatus)) == {*shape("StepStatus").enum, "Pending", "Skipped"}


def test_every_state_that_is_not_under_way_is_an_end() -> None:
    assert set(get_args(ExecutionStatus)) - UNDER_WAY == EXECUTION_ENDS
    assert set(get_args(StepStatus)) - UNDER_WAY == STEP_ENDS


@pytest.mark.parametrize("status", sorted({*get_args(ExecutionStatus), *get_args(StepStatus)}))
def test_every_state_is_shown_in_words(status: str) -> None:
    assert status in STATES
