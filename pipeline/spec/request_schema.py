"""The form of a step's request: what must be and what may be in it, and where SageMaker takes strings or whole
numbers only.

What the form allows but the local engine cannot do is in refusals.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pipeline.json_path import child
from pipeline.near_match import did_you_mean
from pipeline.shown import shown
from pipeline.spec.argument_rules import OBJECT
from pipeline.spec.definition import Json, ParameterType
from pipeline.spec.diagnostics import Findings
from pipeline.spec.expressions import is_expression, references
from pipeline.spec.step_types import STEP_TYPES
from pipeline.spec.validation.service_model import request_shape


def check_request(
    step_type: str,
    request: Json,
    parameter_types: Mapping[str, ParameterType],
    path: str,
    findings: Findings,
) -> None:
    """Notes what a request at `path` lacks, what it should not have, and which of its values have the wrong type.

    A bare Get of an Integer where a string belongs is refused, as the service refuses it when the pipeline is
    created; what a property of another step will be is not known yet and not checked.
    """
    # What is none of the service's own is a misspelt name, or newer than its model here.
    if shape := request_shape(step_type):
        for key in request:
            if key not in shape.members:
                findings.add(
                    child(path, key),
                    f"{step_type} steps have no such argument.{did_you_mean(key, shape.members)}",
                )
    known = STEP_TYPES.get(step_type)
    for field in known.fields if known is not None else ():
        for place, value in _places(request, field.place.split("."), path, required=field.required):
            if problem := _problem(value, field.type, parameter_types):
                findings.add(place, problem)


_ABSENT = object()


def _problem(
    value: Json, type_: ParameterType | None, parameter_types: Mapping[str, ParameterType]
) -> str | None:
    if value is _ABSENT:
        return "missing."
    if isinstance(value, _Misplaced):
        return f"expected an object or a list. Received: {shown(value.value)}"
    if type_ is OBJECT:
        return None if isinstance(value, Mapping) else f"expected an object. Received: {shown(value)}"
    expected = {"String": "a string", "Integer": "a whole number"}[type_]
    if not is_expression(value):
        fits = isinstance(value, str) if type_ == "String" else type(value) is int
        return None if fits else f"expected {expected}. Received: {shown(value)}"
    if "Get" in value:
        for reference in references(value):
            given = parameter_types.get(reference.name) if reference.root == "Parameters" else None
            if given not in (None, type_):
                hint = " Write it with .to_string()." if type_ == "String" else ""
                return f"expected {expected}. Received: {value['Get']}, which is of type {given}.{hint}"
    return None


@dataclass(frozen=True)
class _Misplaced:
    """A value where an object or a list should be."""

    value: Json


def _places(value: Json, keys: list[str], path: str, *, required: bool) -> Iterator[tuple[str, Json]]:
    """Every value at the place `keys` under `value` with its path; _ABSENT where only the last key is missing."""
    if not keys:
        yield path, value
        return
    key, *rest = keys
    if is_expression(value):
        return
    if key == "*" and isinstance(value, list | Mapping):
        entries = value.items() if isinstance(value, Mapping) else enumerate(value)
        for name, entry in entries:
            yield from _places(entry, rest, child(path, name), required=required)
    elif not isinstance(value, Mapping):
        yield path, _Misplaced(value)
    elif key in value:
        yield from _places(value[key], rest, child(path, key), required=required)
    elif required and not rest:
        yield child(path, key), _ABSENT
