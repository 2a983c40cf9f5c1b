"""Evaluates the expressions of a definition: Get, Std:Join and Std:JsonGet.

An expression is an object whose only key is "Get" or starts with "Std:"; every other JSON value stands for itself.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Protocol

from pipeline.errors import StepFailed
from pipeline.shown import LONGEST_VALUE, cut, listed, shown
from pipeline.spec.definition import Json
from pipeline.spec.json_path import child
from pipeline.spec.references import Reference, look_up, parse_path, parse_reference


class Scope(Protocol):
    """What an expression can see while an execution runs."""

    @property
    def parameters(self) -> Mapping[str, Json]:
        """Every parameter's value."""

    @property
    def execution(self) -> Mapping[str, str]:
        """Execution variables by name: PipelineExecutionId, PipelineName, StartDateTime, …."""

    @property
    def experiment(self) -> Mapping[str, Json]:
        """The definition's PipelineExperimentConfig; its values may be expressions."""

    def properties(self, step: str) -> Mapping[str, Json]:
        """What the finished `step` leaves behind, in the shape of its job's Describe response."""

    def property_file(self, step: str, name: str) -> Json:
        """The content of the property file `name` of the finished `step`."""

    def document(self, uri: str) -> Json:
        """The JSON document at the s3:// `uri`."""


def is_expression(value: Json) -> bool:
    """Whether `value` is an object that stands for what it evaluates to."""
    if not isinstance(value, Mapping) or len(value) != 1:
        return False
    key = str(next(iter(value)))
    return key == "Get" or key.startswith("Std:")


def resolve(value: Json, scope: Scope) -> Json:
    """A copy of `value` with every expression in it replaced by what it evaluates to in `scope`.

    Raises:
        StepFailed: an expression names what is not there (a property, a key of a property file, …).
    """
    if isinstance(value, list):
        return [resolve(item, scope) for item in value]
    if not isinstance(value, Mapping):
        return value
    if not is_expression(value):
        return {key: resolve(item, scope) for key, item in value.items()}
    ((function, operand),) = value.items()
    try:
        return FUNCTIONS[function](operand, scope)
    except ValueError as error:
        raise StepFailed(f"Resolving {_written(value)}: {error}") from error


def references(value: Json) -> Iterator[Reference]:
    """Everything that the expressions in `value` read; a malformed Get, which is noted elsewhere, reads nothing."""
    if isinstance(value, Mapping):
        if is_expression(value) and isinstance(text := value.get("Get"), str):
            with suppress(ValueError):
                yield parse_reference(text)
            return
        for item in value.values():
            yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


def references_at(value: Json, path: str) -> Iterator[tuple[str, Reference]]:
    """As `references`, each with the JSON path of its Get, where `value` stands at `path`."""
    if is_expression(value) and "Get" in value:
        yield from ((path, reference) for reference in references(value))
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from references_at(item, child(path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from references_at(item, child(path, index))


def steps_referenced(value: Json) -> frozenset[str]:
    """The names of the steps whose properties or property files the expressions in `value` read."""
    return frozenset(reference.name for reference in references(value) if reference.root == "Steps")


def reads_execution(value: Json, variable: str | None) -> bool:
    """Whether an expression in `value` reads the execution variable of this name."""
    return any(each.root == "Execution" and each.name == variable for each in references(value))


def with_parameters(value: Json, parameters: Mapping[str, Json]) -> Json:
    """A copy of `value` in which every Get of a parameter is its value; other expressions stay."""
    if isinstance(value, list):
        return [with_parameters(item, parameters) for item in value]
    if not isinstance(value, Mapping):
        return value
    if is_expression(value) and str(value.get("Get", "")).startswith("Parameters."):
        return parameters[parse_reference(value["Get"]).name]
    return {key: with_parameters(item, parameters) for key, item in value.items()}


def _written(value: Json) -> str:
    return cut(json.dumps(value, ensure_ascii=False), LONGEST_VALUE)


def _get(operand: Json, scope: Scope) -> Json:
    reference = parse_reference(operand)
    if reference.root == "Parameters":
        return _named(scope.parameters, reference.name, "parameter")
    if reference.root == "Execution":
        return _named(scope.execution, reference.name, "execution variable")
    if reference.root == "PipelineExperimentConfig":
        return resolve(_named(scope.experiment, reference.name, "entry of PipelineExperimentConfig"), scope)
    if reference.root != "Steps":
        raise ValueError(f"{reference.root} has a value for the steps in the body of a ForEach step only")
    properties = scope.properties(reference.name)
    return look_up(properties, reference.path, entries_by_name=True)


def _join(operand: Json, scope: Scope) -> str:
    return str(operand.get("On", "")).join(as_text(resolve(item, scope)) for item in operand["Values"])


def _json_get(operand: Json, scope: Scope) -> Json:
    if "S3Uri" in operand:
        uri = resolve(operand["S3Uri"], scope)
        if not isinstance(uri, str) or not uri.startswith("s3://"):
            raise ValueError(f"S3Uri must be s3://bucket/key, not {shown(uri)}.")
        document, place = scope.document(uri), uri
    else:
        reference = parse_reference(operand["PropertyFile"]["Get"])
        file = str(reference.path[1])
        document = scope.property_file(reference.name, file)
        place = f"property file {shown(file)} of step {reference.name}"
    value = look_up(document, parse_path(operand["Path"]))
    if value is None:
        raise ValueError(f"{place} has null there")
    return value


# By the name of the function: evaluates its operand. To add one, put it here and into expression_checking.py.
FUNCTIONS: Mapping[str, Callable[[Json, Scope], Json]] = {
    "Get": _get,
    "Std:Join": _join,
    "Std:JsonGet": _json_get,
}


def as_text(value: Json) -> str:
    """How Std:Join writes a value: booleans as true and false, numbers as in JSON, strings as they are.

    Raises:
        ValueError: `value` is null, an object, an array or not a finite number.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):  # bool is an int
        return json.dumps(value)
    raise ValueError(f"Std:Join joins strings, numbers and booleans, not {shown(value)}.")


def _named(values: Mapping[str, Json], name: str, kind: str) -> Json:
    if name not in values:
        raise ValueError(f"there is no {kind} {shown(name)}, only {listed(sorted(values))}")
    return values[name]
