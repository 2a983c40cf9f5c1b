"""Walks a value along a botocore shape; checks what ParamValidator leaves out: enum, pattern, lengths, ranges."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.shown import shown
from pipeline.spec.validation.document import Json, child_path
from pipeline.spec.validation.java_patterns import compile_pattern

# The SDK's local modes take these where AWS takes an instance type.
LOCAL_INSTANCE_TYPES = frozenset({"local", "local_gpu"})


@dataclass(frozen=True)
class Violation:
    """A constraint that the value at `path` breaks; `kind` is enum, pattern, length, size, range or type."""

    path: str
    kind: str
    message: str


def violations(value: Json, shape: Any, path: str) -> Iterator[Violation]:
    """What in `value` breaks `shape` (a botocore Shape). Wrong types are ParamValidator's to report."""
    kind = shape.type_name
    if kind == "structure" and isinstance(value, Mapping):
        for key, item in value.items():
            if key in shape.members:
                yield from violations(item, shape.members[key], child_path(path, key))
    elif kind == "list" and isinstance(value, list):
        yield from limits(len(value), shape, path, "size", "items")
        for index, item in enumerate(value):
            yield from violations(item, shape.member, child_path(path, index))
    elif kind == "map" and isinstance(value, Mapping):
        yield from limits(len(value), shape, path, "size", "entries")
        for key, item in value.items():
            yield from violations(key, shape.key, child_path(path, key))
            yield from violations(item, shape.value, child_path(path, key))
    elif kind == "string" and isinstance(value, str):
        yield from string_violations(value, shape, path)
    elif kind in {"integer", "long", "float", "double"} and isinstance(value, int | float):
        if isinstance(value, bool):
            # To Python, and so to ParamValidator, True is a 1.
            yield Violation(path, "type", f"expected a number. Received: {str(value).lower()}")
        else:
            yield from limits(value, shape, path, "range", "")


def string_violations(value: str, shape: Any, path: str) -> Iterator[Violation]:
    """What in the string `value` breaks `shape`."""
    if shape.enum and value not in shape.enum:
        if shape.name.endswith("InstanceType") and value in LOCAL_INSTANCE_TYPES:
            return
        yield Violation(path, "enum", f"expected {choices(value, shape.enum)}. Received: {shown(value)}")
        return
    too_long = list(limits(len(value), shape, path, "length", "characters", received=value))
    yield from too_long
    pattern = shape.metadata.get("pattern")
    # A pattern may take very long on a text that is much longer than it was written for.
    if pattern and not too_long and not compile_pattern(pattern).fullmatch(value):
        yield Violation(path, "pattern", f"expected text that matches {pattern}. Received: {shown(value)}")


def choices(value: str, allowed: list[str]) -> str:
    """`allowed` in words; out of a long list, the ones most like `value`."""
    if len(allowed) <= 8:
        return "one of " + ", ".join(allowed)
    near = difflib.get_close_matches(value, allowed, n=3, cutoff=0.4)
    return f"one of the {len(allowed)} that the API knows" + (f", such as {', '.join(near)}" if near else "")


def limits(
    number: float, shape: Any, path: str, kind: str, unit: str, received: str | None = None
) -> Iterator[Violation]:
    """Whether `number` (a value, a length or a count) is within the minimum and maximum of `shape`."""
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    text = f"{number} {unit}".rstrip() + (f", {shown(received, 120)}" if received is not None else "")
    if low is not None and number < low:
        yield Violation(path, kind, f"expected at least {low} {unit}".rstrip() + f". Received: {text}")
    if high is not None and number > high:
        yield Violation(path, kind, f"expected at most {high} {unit}".rstrip() + f". Received: {text}")
