"""Samples of what a finished step reports: the properties that other steps refer to.

Amazon SageMaker developer guide, "Step properties": the properties of a step are the response of its Describe call.
"""

from __future__ import annotations

import re
from typing import Any

from pipeline.near_match import did_you_mean
from pipeline.shown import cut, listed
from pipeline.spec.definition import Json, Step
from pipeline.spec.expressions import is_expression
from pipeline.spec.json_values import entries, value_at
from pipeline.spec.service_model import describe_shape, sample_job_name
from pipeline.spec.vocabulary import ITEM_NAMES


class Placeholder(str):
    """Stands for a value that nobody knows before the execution runs."""


class UnknownProperty(Exception):
    """The step will have no such property; the message says what there is instead."""


def sample_property(step: Step, parts: tuple[str | int, ...]) -> Json:
    """A value of the form of the property at `parts` of the finished `step`; None when nothing is known of it.

    Raises:
        UnknownProperty: the step's Describe response has no such field, or its request no such item.
    """
    shape = describe_shape(step.type, parts[0] if parts else None)
    if shape is None:
        return None
    leaf = describe(shape, parts, step)
    known = requested(step, parts)
    if known is not None:
        return known
    return sample(leaf, parts, step)


def check_property(step: Step, parts: tuple[str | int, ...]) -> None:
    """See that the finished `step` will have the property at `parts`, as far as that can be known now.

    Raises:
        UnknownProperty: as sample_property does.
    """
    shape = describe_shape(step.type, parts[0] if parts else None)
    if shape is not None:
        describe(shape, parts, step)
        requested(step, parts)


def describe(shape: Any, parts: tuple[str | int, ...], step: Step) -> Any:
    """The shape of the property at `parts`. Raises UnknownProperty."""
    for part in parts:
        if shape.type_name == "structure" and part in shape.members:
            shape = shape.members[part]
        elif shape.type_name == "list":
            shape = shape.member
        elif shape.type_name == "map" and isinstance(part, str):
            shape = shape.value
        else:
            written = ".".join(map(str, parts))
            has = listed(shape.members) if shape.type_name == "structure" else f"a {shape.type_name}"
            hint = did_you_mean(str(part), shape.members) if shape.type_name == "structure" else ""
            raise UnknownProperty(
                f"{step.name} has no property {cut(str(part))} in {cut(written)} (there: {has}).{hint}"
            )
    return shape


def requested(step: Step, parts: tuple[str | int, ...]) -> Json:
    """The property as the step's own request fixes it; None when the request says nothing of it.

    Raises:
        UnknownProperty: the request has the list, but no item of that name or at that position.
    """
    value: Json = step.arguments
    for part in parts:
        if not isinstance(value, list):
            value = value_at(value, part)
            continue
        items = dict(entries(value))
        if any(is_expression(item.get(key)) for item in items.values() for key in ITEM_NAMES):
            return None
        names = {str(item[key]): item for item in items.values() for key in ITEM_NAMES if key in item}
        if part not in (items if isinstance(part, int) else names):
            raise UnknownProperty(
                f"{step.name} has no item {cut(str(part))}, only: "
                f"{listed(names)}.{did_you_mean(str(part), names)}"
            )
        value = items[part] if isinstance(part, int) else names[part]
    known = isinstance(value, str | int | float) and not isinstance(value, Placeholder)
    return value if known else None


def sample(shape: Any, parts: tuple[str | int, ...], step: Step) -> Json:
    """A value of the form of `shape`; None for objects and lists."""
    field = str(parts[-1])
    if shape.type_name == "string":
        if shape.enum:
            return shape.enum[0]
        if field == "S3ModelArtifacts":
            base = value_at(step.arguments, "OutputDataConfig", "S3OutputPath")
            prefix = base.rstrip("/") if isinstance(base, str) else "s3://sample-bucket"
            return f"{prefix}/{sample_job_name(step.name)}/output/model.tar.gz"
        if field.endswith("Arn"):
            resource = re.sub(r"\B(?=[A-Z])", "-", field.removesuffix("Arn")).lower()
            return f"arn:aws:sagemaker:us-east-1:123456789012:{resource}/{sample_job_name(step.name)}"
        if field.endswith(("Uri", "Url", "Path")):
            return f"s3://sample-bucket/{sample_job_name(step.name)}"
        return sample_job_name(step.name)
    if shape.type_name in {"integer", "long"}:
        return max(1, shape.metadata.get("min", 1))
    if shape.type_name in {"float", "double"}:
        return 1.0
    return False if shape.type_name == "boolean" else None
