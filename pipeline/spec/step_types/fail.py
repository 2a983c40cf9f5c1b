"""The Fail step: the scheduler ends it, with the message that the definition gives it."""

from __future__ import annotations

from pipeline.spec.step_types.step_type import StepType

FAIL = StepType(
    name="Fail",
    runs="here",
    properties=lambda step: [],
)
