"""The values of an execution's parameters: the definition's defaults, overridden by what the user gives."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from pipeline.errors import UsageError
from pipeline.near_match import did_you_mean
from pipeline.shown import cut, listed, listing, shown
from pipeline.spec.definition import MISSING, Definition, Json, Parameter
from pipeline.spec.diagnostics import Findings
from pipeline.spec.expressions import with_parameters
from pipeline.spec.for_each import every_request
from pipeline.spec.json_text import odd_character
from pipeline.spec.request_schema import check_members, check_request

_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
_FLOAT = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")


def resolve_parameters(definition: Definition, given: Mapping[str, object]) -> dict[str, Json]:
    """The value of every parameter of `definition`, in its order.

    Strings (from the command line) are converted to the parameter's type: Integer to int, Float to float, Boolean
    from "true" and "false" in any case.

    Raises:
        UsageError: a name is unknown, a value is missing, has the wrong type or is not one of the enum's values;
            the message lists every problem.
        DefinitionError: with these values the definition asks for what the local engine does not support.
    """
    names = [parameter.name for parameter in definition.parameters]
    problems = [
        f"{cut(name, 100)}: the pipeline has no such parameter.{did_you_mean(name, names)} It has "
        f"{listed(names)}."
        for name in given
        if name not in names
    ]
    values: dict[str, Json] = {}
    for parameter in definition.parameters:
        value = given.get(parameter.name, parameter.default)
        try:
            values[parameter.name] = convert(parameter, value)
        except ValueError as error:
            problems.append(f"{parameter.name}: {error}")
    if problems:
        raise UsageError(
            f"The pipeline's parameters are wrong (nothing was started):\n{listing(problems)}\n"
            "Give each as --param NAME=VALUE."
        )
    _refuse_arguments(definition, values)
    return values


def _refuse_arguments(definition: Definition, values: Mapping[str, Json]) -> None:
    """Raises DefinitionError for requests that these `values` make into something not supported; those that have
    no parameters were checked with the definition."""
    findings = Findings()
    for step in every_request(definition):
        if (arguments := with_parameters(step.arguments, values)) != step.arguments:
            check_request(step.type, arguments, step.argument_path(), findings)
        if (members := with_parameters(step.members, values)) != step.members:
            check_members(step.type, members, step.json_path, findings)
    findings.raise_if_any(definition.places)


def convert(parameter: Parameter, value: object) -> Json:
    """`value` as `parameter` holds it: str, int, float or bool.

    Raises:
        ValueError: it is MISSING, not of the parameter's type, or not one of its enum's values.
    """
    if value is MISSING:
        raise ValueError(f"it has no default: give it a value (type {parameter.type}).")
    if isinstance(value, str) and (odd := odd_character(value)):
        raise ValueError(f"{odd} It is in {shown(value)}.")
    converted = _CONVERT[parameter.type](value)
    if converted is None:
        raise ValueError(f"must be {_EXPECTED[parameter.type]}, not {shown(value)}.")
    if parameter.enum is not None and converted not in parameter.enum:
        choices = listed(parameter.enum)
        hint = did_you_mean(str(value), map(str, parameter.enum))
        raise ValueError(f"must be one of {choices}, not {shown(value)}.{hint}")
    return converted


def convert_json(parameter: Parameter, value: Json) -> Json:
    """As `convert`, but a number or a boolean in a text is none: only the command line may write it so."""
    if isinstance(value, str) and parameter.type != "String":
        raise ValueError(f"must be a JSON {parameter.type}, not {shown(value)}.")
    return convert(parameter, value)


def _string(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _integer(value: object) -> int | None:
    if isinstance(value, str):
        return int(value) if _INTEGER.fullmatch(value) else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _float(value: object) -> float | None:
    if isinstance(value, bool) or not (
        isinstance(value, int | float) or (isinstance(value, str) and _FLOAT.fullmatch(value))
    ):
        return None
    try:
        number = float(value)
    except OverflowError:  # an int of more than 308 digits
        return None
    return number if math.isfinite(number) else None


def _boolean(value: object) -> bool | None:
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.lower())
    return value if isinstance(value, bool) else None


_CONVERT = {"String": _string, "Integer": _integer, "Float": _float, "Boolean": _boolean}
_EXPECTED = {
    "String": "a string",
    "Integer": "a whole number",
    "Float": "a number",
    "Boolean": "true or false",
}
