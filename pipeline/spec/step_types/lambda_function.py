"""The Lambda step: its arguments are the event of a function, which locally the user names (`run --handler`)."""

from __future__ import annotations

from pipeline.spec.json_object import JsonObject
from pipeline.spec.step_types.output_parameters import check_function, output_parameters
from pipeline.spec.step_types.step_type import StepType


def _check(entry: JsonObject) -> None:
    check_function(entry, "FunctionArn")


LAMBDA = StepType(
    name="Lambda",
    runs="function",
    runner="pipeline.local.jobs.functions.function_job:LAMBDA",
    keys=("CacheConfig", "FunctionArn", "OutputParameters"),
    called="FunctionArn",
    cache_attributes=("*",),
    check=_check,
    properties=output_parameters,
)
