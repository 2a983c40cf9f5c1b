"""Looks into JSON whose form nobody has checked: what is not there, or is something else, is nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pipeline.spec.definition import Json
from pipeline.spec.json_path import child


def value_at(value: Json, *keys: str | int) -> Json:
    """What the object `value` holds under `keys`, one within the other; None when there is no such thing."""
    for key in keys:
        if not isinstance(value, Mapping):
            return None
        value = value.get(key)
    return value


def entries(value: Json) -> list[tuple[int, Mapping[str, Json]]]:
    """The objects of a list with their indices; nothing when `value` is no list."""
    return (
        [pair for pair in enumerate(value) if isinstance(pair[1], Mapping)] if isinstance(value, list) else []
    )


def members(value: Json) -> Mapping[str, Json]:
    """`value` when it is an object, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def strings(value: Json, path: str) -> Iterator[tuple[str, str]]:
    """Every string in `value` with its path."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from strings(item, child(path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from strings(item, child(path, index))
