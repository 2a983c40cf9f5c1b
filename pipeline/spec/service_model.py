"""The SageMaker API as botocore describes it: which request a step's arguments are, and what a Describe answers.

The model is a file of the botocore package: no client, no credentials, no network; about 0.04 s, once a process.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from pipeline.spec.api_model import ApiModel, read_api
from pipeline.spec.step_types import STEP_TYPES
from pipeline.spec.step_types.step_type import Operation


@cache
def service_model() -> ApiModel:
    """SageMaker's API."""
    return read_api("sagemaker")


@cache
def shape(name: str) -> Any:
    """The botocore Shape called `name`."""
    return service_model().shape_for(name)


def operation_of(step_type: str) -> Operation | None:
    """The operations behind a step type; None when we know of none."""
    known = STEP_TYPES.get(step_type)
    return known.operation if known is not None else None


def request_shape(step_type: str) -> Any | None:
    """The shape of the request that a step of this type makes; None when we know of none."""
    operation = operation_of(step_type)
    return service_model().operation_model(operation.create).input_shape if operation else None


def describe_shape(step_type: str, part: str | int | None = None) -> Any | None:
    """The shape of a finished step's properties; None when the step type has none that we know.

    Of a type whose properties are those of two responses: the one that has `part`, or else the first.
    """
    operation = operation_of(step_type)
    if operation is None:
        return None
    names = [name for name in (operation.describe, operation.lists) if name is not None]
    answers = [service_model().operation_model(name).output_shape for name in names]
    shapes = [answer for answer in answers if answer is not None]
    return next((shape for shape in shapes if part in shape.members), shapes[0])


def sample_job_name(step_name: str) -> str:
    """A name as Pipelines gives it to a job: execution id, step name, ten characters; at most 63 in all."""
    return f"pipelines-abcdefghijkl-{step_name.replace('_', '-')}-Abcdefghij"[:63].rstrip("-")
