"""The Callback step: a message in a queue, which locally a function of the user's answers (`run --handler`)."""

from __future__ import annotations

from pipeline.spec.json_object import JsonObject
from pipeline.spec.step_types.output_parameters import check_function, output_parameters
from pipeline.spec.step_types.step_type import StepType


def _check(entry: JsonObject) -> None:
    check_function(entry, "SqsQueueUrl")


CALLBACK = StepType(
    name="Callback",
    runs="function",
    runner="pipeline.local.jobs.functions.function_job:CALLBACK",
    keys=("CacheConfig", "SqsQueueUrl", "OutputParameters"),
    called="SqsQueueUrl",
    cache_attributes=("*",),
    check=_check,
    properties=output_parameters,
)
