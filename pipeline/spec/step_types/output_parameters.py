"""The OutputParameters of Lambda and Callback steps: what their functions have to return, by name and type."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.shown import shown
from pipeline.spec.definition import Step
from pipeline.spec.expressions import is_expression
from pipeline.spec.json_object import JsonObject
from pipeline.spec.references import Path

# The SDK's LambdaOutputTypeEnum and CallbackOutputTypeEnum.
OUTPUT_TYPES = ("String", "Integer", "Boolean", "Float")


def check_function(entry: JsonObject, called: str) -> None:
    """Notes what is malformed in the members of a Lambda or Callback step; `called` says what it calls on AWS."""
    if not is_expression(entry.value.get(called)):
        entry.require(called, str, "")
    names = set()
    for output in entry.children("OutputParameters"):
        output.allow("OutputName", "OutputType")
        name = output.require("OutputName", str, "")
        if "OutputType" in output.value:
            output.one_of("OutputType", OUTPUT_TYPES)
        if name in names:
            output.note("OutputName", f"the name {shown(name)} is used twice.")
        names.add(name)


def outputs_of(step: Step) -> Mapping[str, str]:
    """The type of every output of the step, by name."""
    declared = step.members.get("OutputParameters")
    return {
        str(output.get("OutputName")): str(output.get("OutputType") or "String")
        for output in (declared if isinstance(declared, list) else ())
        if isinstance(output, Mapping)
    }


def output_parameters(step: Step) -> list[Path]:
    """The properties of a finished step."""
    return [("OutputParameters", name) for name in outputs_of(step)]
