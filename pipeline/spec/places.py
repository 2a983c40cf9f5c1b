"""Finds the values at a place in a request, as the table of step types writes it: InputDataConfig.*.DataSource."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pipeline.spec.definition import Json
from pipeline.spec.json_path import child


def values_at(value: Json, keys: list[str], path: str) -> Iterator[tuple[str, Json]]:
    """Every value at the place `keys` under `value`, with its path; nothing where there is none."""
    if not keys:
        yield path, value
    elif keys[0] == "*" and isinstance(value, list):
        for index, item in enumerate(value):
            yield from values_at(item, keys[1:], child(path, index))
    elif isinstance(value, Mapping) and keys[0] in value:
        yield from values_at(value[keys[0]], keys[1:], child(path, keys[0]))
