"""The Fail step: the scheduler ends the execution with the message that the definition gives it."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.shown import shown
from pipeline.spec.definition import Step
from pipeline.spec.diagnostics import Findings
from pipeline.spec.expressions import is_expression
from pipeline.spec.json_object import JsonObject
from pipeline.spec.step_types.step_type import StepType


def _check(step: Step, steps: Mapping[str, Step], findings: Findings) -> None:
    arguments = JsonObject(step.arguments, step.argument_path(), findings)
    arguments.allow("ErrorMessage")
    message = step.arguments.get("ErrorMessage", "")
    if not isinstance(message, str) and not is_expression(message):
        arguments.note("ErrorMessage", f"must be a string or an expression, not {shown(message)}.")


FAIL = StepType(
    name="Fail",
    runs="here",
    check_among=_check,
    properties=lambda step: [],
)
