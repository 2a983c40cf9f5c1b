"""Walks JSON along a shape of botocore's model: what is missing, unknown, of a wrong type, or beyond a limit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.near_match import did_you_mean
from pipeline.shown import shown
from pipeline.spec.definition import Json, ParameterType
from pipeline.spec.expressions import is_expression, references
from pipeline.spec.java_patterns import matches
from pipeline.spec.json_path import child
from pipeline.spec.value_types import NOTHING_KNOWN, ValueTypes

# The SDK's local modes take these where AWS takes an instance type.
LOCAL_INSTANCE_TYPES = frozenset({"local", "local_gpu"})
# For each type of a shape: what it takes, and the types of parameters that become it.
_TYPES: Mapping[str, tuple[str, type | tuple[type, ...], tuple[ParameterType, ...]]] = {
    "structure": ("an object", Mapping, ()),
    "map": ("an object", Mapping, ()),
    "list": ("a list", list, ()),
    "string": ("a string", str, ("String",)),
    "integer": ("a whole number", int, ("Integer",)),
    "long": ("a whole number", int, ("Integer",)),
    "float": ("a number", (int, float), ("Integer", "Float")),
    "double": ("a number", (int, float), ("Integer", "Float")),
    "boolean": ("true or false", bool, ("Boolean",)),
}


@dataclass(frozen=True)
class Mismatch:
    """What the value at `path` breaks; `kind` is missing, unknown, type, enum, pattern, length, size or range."""

    path: str
    kind: str
    message: str


def mismatches(value: Json, shape: Any, path: str, types: ValueTypes = NOTHING_KNOWN) -> Iterator[Mismatch]:
    """What in `value` does not fit `shape` (a botocore Shape).

    Of an expression that is a Get only that is known: which type the value has that it reads, from `types`.
    """
    if is_expression(value):
        yield from _of_wrong_type(value, shape, path, types)
        return
    if shape.type_name not in _TYPES:  # a timestamp or bytes, which no step's request has
        return
    if not _is_of_type(value, shape):
        yield Mismatch(path, "type", f"must be {_TYPES[shape.type_name][0]}, not {shown(value)}.")
    elif shape.type_name == "structure":
        for key in shape.required_members:
            if key not in value:
                yield Mismatch(child(path, key), "missing", "missing.")
        for key, item in value.items():
            if key in shape.members:
                yield from mismatches(item, shape.members[key], child(path, key), types)
            else:
                hint = did_you_mean(key, shape.members)
                yield Mismatch(child(path, key), "unknown", f"the service knows no such key.{hint}")
    elif shape.type_name == "list":
        yield from limits(len(value), shape, path, "size", "items")
        for index, item in enumerate(value):
            yield from mismatches(item, shape.member, child(path, index), types)
    elif shape.type_name == "map":
        yield from limits(len(value), shape, path, "size", "entries")
        for key, item in value.items():
            yield from string_mismatches(key, shape.key, child(path, key))
            yield from mismatches(item, shape.value, child(path, key), types)
    elif shape.type_name == "string":
        yield from string_mismatches(value, shape, path)
    elif shape.type_name != "boolean":
        yield from limits(value, shape, path, "range", "")


def _is_of_type(value: Json, shape: Any) -> bool:
    """Whether JSON's type is the shape's: to Python, True is a 1."""
    _, types, _ = _TYPES[shape.type_name]
    return isinstance(value, types) and (shape.type_name == "boolean" or not isinstance(value, bool))


def _of_wrong_type(expression: Json, shape: Any, path: str, types: ValueTypes) -> Iterator[Mismatch]:
    wanted, _, fitting = _TYPES[shape.type_name]
    for reference in references(expression) if "Get" in expression else ():
        given = types.of(reference)
        if given is not None and fitting and given not in fitting:
            hint = " Write it with .to_string()." if shape.type_name == "string" else ""
            got = f"{expression['Get']}, which is of type {given}"
            yield Mismatch(path, "type", f"must be {wanted}, not {got}.{hint}")


def string_mismatches(value: str, shape: Any, path: str) -> Iterator[Mismatch]:
    """What in the string `value` breaks `shape`."""
    if shape.enum and value not in shape.enum:
        if shape.name.endswith("InstanceType") and value in LOCAL_INSTANCE_TYPES:
            return
        yield Mismatch(path, "enum", f"must be {choices(value, shape.enum)}, not {shown(value)}.")
        return
    too_long = list(limits(len(value), shape, path, "length", "characters", of=value))
    yield from too_long
    pattern = shape.metadata.get("pattern")
    # A pattern may take very long on a text that is much longer than it was written for.
    if pattern and not too_long and not matches(pattern, value):
        yield Mismatch(path, "pattern", f"must match {pattern}, which {shown(value)} does not.")


def choices(value: str, allowed: list[str]) -> str:
    """`allowed` in words; out of a long list, the ones most like `value`."""
    if len(allowed) <= 8:
        return "one of " + ", ".join(allowed)
    import difflib

    near = difflib.get_close_matches(value, allowed, n=3, cutoff=0.4)
    return f"one of the {len(allowed)} that the API knows" + (f", such as {', '.join(near)}" if near else "")


def limits(
    number: float, shape: Any, path: str, kind: str, unit: str, of: str | None = None
) -> Iterator[Mismatch]:
    """Whether `number` (a value, or the length or count of `of`) is within the minimum and maximum of `shape`."""
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    got = f"{number}" if of is None else f"{number} as {shown(of, 120)} has"
    if low is not None and number < low:
        yield Mismatch(path, kind, f"{_must(unit)} at least {low} {unit}".rstrip() + f", not {got}.")
    if high is not None and number > high:
        yield Mismatch(path, kind, f"{_must(unit)} at most {high} {unit}".rstrip() + f", not {got}.")


def _must(unit: str) -> str:
    return "must have" if unit else "must be"
