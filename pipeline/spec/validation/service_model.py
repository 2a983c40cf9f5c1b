"""The SageMaker API as botocore describes it: which request a step's arguments are, and whether they fit.

The model is a file of the botocore package: no client, no credentials, no network; about 0.15 s, once a process.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from pipeline.shown import shown
from pipeline.spec.step_types import STEP_TYPES
from pipeline.spec.step_types.step_type import Operation
from pipeline.spec.validation.constraints import violations
from pipeline.spec.validation.document import Step
from pipeline.spec.validation.problem import MODEL_PREFIX, Problem


@cache
def service_model() -> Any:
    """botocore's ServiceModel of SageMaker."""
    from botocore.loaders import Loader
    from botocore.model import ServiceModel

    # A Loader of its own: a service model in ~/.aws/models must not decide what is valid.
    loader = Loader(include_default_search_paths=False, extra_search_paths=[Loader.BUILTIN_DATA_PATH])
    return ServiceModel(loader.load_service_model("sagemaker", "service-2"), "sagemaker")


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


def describe_shape(step_type: str) -> Any | None:
    """The shape of a finished step's properties; None when the step type has none that we know."""
    operation = operation_of(step_type)
    return service_model().operation_model(operation.describe).output_shape if operation else None


def sample_job_name(step_name: str) -> str:
    """A name as Pipelines gives it to a job: execution id, step name, ten characters; at most 63 in all."""
    return f"pipelines-abcdefghijkl-{step_name.replace('_', '-')}-Abcdefghij"[:63].rstrip("-")


def check_arguments(step: Step) -> Iterator[Problem]:
    """What in the step's arguments (expressions already replaced) the model of the API does not allow."""
    request = request_shape(step.type)
    operation = operation_of(step.type)
    if request is None or operation is None:
        return
    arguments = dict(step.arguments)
    if operation.name_field:
        arguments.setdefault(operation.name_field, sample_job_name(step.name))
    root = step.argument_path()
    for path, kind, message in shape_mismatches(arguments, request):
        yield Problem(step.name, root + path, MODEL_PREFIX + kind, message)
    for found in violations(arguments, request, root):
        yield Problem(step.name, found.path, MODEL_PREFIX + found.kind, found.message)


def shape_mismatches(value: Any, shape: Any) -> Iterator[tuple[str, str, str]]:
    """What botocore's ParamValidator finds: (path, kind, message), kind one of missing, unknown, type, shape.

    Its range and length checks know minima only; pipeline/spec/validation/constraints.py has these.
    """
    from botocore.validate import ParamValidator

    # Private, but generate_report() gives the same only as text.
    for reason, path, details in ParamValidator().validate(value, shape)._errors:
        if reason == "missing required field":
            yield path, "missing", f"expected the key {details['required_name']}. Received: none"
        elif reason == "unknown field":
            allowed = ", ".join(details["valid_names"])
            yield (
                path,
                "unknown",
                f"expected keys out of {allowed}. Received: {shown(details['unknown_param'])}",
            )
        elif reason == "invalid type":
            wanted = " or ".join(name.split("'")[1] for name in details["valid_types"])
            received = details["param"]
            yield (
                path,
                "type",
                f"expected {wanted}. Received: {type(received).__name__} {shown(received, 80)}",
            )
        elif reason not in {"invalid range", "invalid length"}:
            yield path, "shape", f"expected what the API describes. Received: {reason}"
