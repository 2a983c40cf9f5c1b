"""The Condition step: the scheduler decides it, and which of its branches is taken."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.spec.conditions import check_condition
from pipeline.spec.definition import Step
from pipeline.spec.diagnostics import Findings
from pipeline.spec.step_types.step_type import StepType


def _check(step: Step, steps: Mapping[str, Step], findings: Findings) -> None:
    for index, condition in enumerate(step.arguments["Conditions"]):
        check_condition(condition, step.argument_path("Conditions", index), findings)


CONDITION = StepType(
    name="Condition",
    runs="here",
    check_among=_check,
    properties=lambda step: [("Outcome",)],
)
