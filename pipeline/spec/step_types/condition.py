"""The Condition step: the scheduler decides it, and which of its branches is taken."""

from __future__ import annotations

from pipeline.spec.step_types.step_type import StepType

CONDITION = StepType(
    name="Condition",
    runs="here",
    properties=lambda step: [("Outcome",)],
)
