"""Reads JSON more strictly than Python does: what JSON does not have, or what would mean two things, is refused."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.shown import shown
from pipeline.spec.diagnostics import Findings
from pipeline.spec.json_path import child

# The deepest nesting that is read: a Condition in 40 others stands about 160 deep. What walks a definition calls
# itself up to four times a level, and Python gives up after 1,000 calls.
DEEPEST = 200
_MOST_DIGITS = 100
# What no argument, environment variable, file name or UTF-8 text can hold.
_ODD = re.compile("[\0\ud800-\udfff]")


def parse_json(text: str) -> Any:
    """The value that the JSON `text` holds.

    Raises:
        ValueError: `text` is not JSON, has a key twice in one object, a number too large to compute with, or is
            nested too deeply; the message says so in one short line.
    """
    try:
        value = json.loads(
            text,
            parse_constant=_refuse_constant,
            parse_float=_number,
            parse_int=_whole_number,
            object_pairs_hook=_object,
        )
    except json.JSONDecodeError as error:
        raise ValueError(f"it is not JSON: {error}") from error
    except RecursionError:
        raise ValueError(f"it is nested more than {DEEPEST} levels deep") from None
    if _is_deeper(value, DEEPEST):
        raise ValueError(f"it is nested more than {DEEPEST} levels deep")
    return value


def parse_document(text: str | bytes) -> Any:
    """The value of JSON that a job or another program wrote: as Python reads it, so with NaN, but none too deep.

    Raises:
        ValueError: it is not JSON, or is nested too deeply.
    """
    try:
        value = json.loads(text)
    except RecursionError:
        raise ValueError(f"it is nested more than {DEEPEST} levels deep") from None
    if _is_deeper(value, DEEPEST):
        raise ValueError(f"it is nested more than {DEEPEST} levels deep")
    return value


def note_odd_texts(value: Any, path: str, findings: Findings) -> None:
    """Notes every text and key in `value`, at `path`, with a NUL character or half a surrogate pair in it."""
    for place, text in _texts(value, path):
        if problem := odd_character(text):
            findings.add(place, f"{problem} It is in {shown(text)}.")


def odd_character(text: str) -> str | None:
    """What is wrong with `text` that has a NUL character or half a surrogate pair in it; else None."""
    found = _ODD.search(text)
    if found is None:
        return None
    if found[0] == "\0":
        return "a NUL character (\\u0000) fits into no argument, environment variable or file name."
    return f"half a surrogate pair (\\u{ord(found[0]):04x}) is not a character."


def _texts(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield child(path, key), key
            yield from _texts(item, child(path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _texts(item, child(path, index))


def _is_deeper(value: Any, levels: int) -> bool:
    """Whether objects and arrays stand more than `levels` deep in `value`: found without recursion."""
    level = [value]
    for _ in range(levels):
        level = [
            item
            for outer in level
            if isinstance(outer, dict | list)
            for item in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return False
    return any(isinstance(item, dict | list) for item in level)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    entries = dict(pairs)
    if len(entries) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {shown(twice, 40)} is in one object twice")
    return entries


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"the number {shown(text, 40)} is too large")
    return number


def _whole_number(text: str) -> int:
    if len(text) > _MOST_DIGITS:
        raise ValueError(f"the number {text[:20]}… has {len(text):,} digits, more than {_MOST_DIGITS}")
    return int(text)


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name}, which JSON does not have")
