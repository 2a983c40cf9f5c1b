"""What differs between two JSON values, member by member, with a name for each place that a reader knows."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.shown import LONGEST_VALUE
from pipeline.spec.definition import MISSING, Json
from pipeline.spec.references import Path
from pipeline.spec.vocabulary import ITEM_NAMES

# How much of two long texts is shown before the place where they begin to differ.
_CONTEXT = 24


@dataclass(frozen=True)
class Difference:
    """One place where two values differ; a side that has nothing there is MISSING.

    `name` says where (`HyperParameters.epochs`, `InputDataConfig[train].ChannelName`), `path` the same by keys and
    indices of the later value.
    """

    name: str
    path: Path
    before: Json
    after: Json


def differences(before: Json, after: Json, name: str = "", path: Path = ()) -> Iterator[Difference]:
    """The places where two JSON values differ; a text that holds a JSON object or list is looked into."""
    if same(before, after):
        return
    inner = _inside(before), _inside(after)
    if isinstance(inner[0], Mapping) and isinstance(inner[1], Mapping):
        yield from _in_objects(inner[0], inner[1], name, path)
    elif isinstance(inner[0], list) and isinstance(inner[1], list):
        yield from _in_lists(inner[0], inner[1], name, path)
    else:
        yield Difference(name, path, before, after)


def same(before: Json, after: Json) -> bool:
    """Whether both are written alike in JSON, where 1 and true are not; MISSING is like itself alone."""
    if before is MISSING or after is MISSING:
        return before is after
    return json.dumps(before, sort_keys=True) == json.dumps(after, sort_keys=True)


def two_texts(before: Json, after: Json) -> tuple[str, str]:
    """Both values of a difference for a message: as JSON, long ones cut to where they differ; MISSING is "none"."""
    texts = _text(before), _text(after)
    if max(map(len, texts)) <= LONGEST_VALUE:
        return texts
    shared = next((at for at, pair in enumerate(zip(*texts, strict=False)) if len(set(pair)) > 1), 0)
    start = max(0, shared - _CONTEXT)
    return _window(texts[0], start), _window(texts[1], start)


def _window(text: str, start: int) -> str:
    if len(text) <= LONGEST_VALUE:
        return text
    end = start + LONGEST_VALUE
    return f"{'…' if start else ''}{text[start:end]}{'…' if len(text) > end else ''}"


def _text(value: Json) -> str:
    return "none" if value is MISSING else json.dumps(value, ensure_ascii=False)


def _inside(value: Json) -> Json:
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            found = json.loads(value)
        except (ValueError, RecursionError):
            return value
        return found if isinstance(found, dict | list) else value
    return value


def _in_objects(
    before: Mapping[str, Any], after: Mapping[str, Any], name: str, path: Path
) -> Iterator[Difference]:
    for key in dict.fromkeys([*before, *after]):
        place = f"{name}.{key}" if name else str(key)
        old, new = before.get(key, MISSING), after.get(key, MISSING)
        if old is MISSING or new is MISSING:
            yield Difference(place, (*path, key), old, new)
        else:
            yield from differences(old, new, place, (*path, key))


def _in_lists(before: list[Any], after: list[Any], name: str, path: Path) -> Iterator[Difference]:
    named = _by_name(before), _by_name(after)
    if named[0] is not None and named[1] is not None:
        for key in dict.fromkeys([*named[0], *named[1]]):
            _, old = named[0].get(key, (0, MISSING))
            index, new = named[1].get(key, (0, MISSING))
            place = f"{name}[{key}]"
            if old is MISSING or new is MISSING:
                yield Difference(place, (*path, index) if new is not MISSING else path, old, new)
            else:
                yield from differences(old, new, place, (*path, index))
        if [*named[0]] != [*named[1]] and {*named[0]} == {*named[1]}:
            yield Difference(f"the order of {name}", path, [*named[0]], [*named[1]])
        return
    texts = [[json.dumps(item, sort_keys=True) for item in side] for side in (before, after)]
    for how, i, i_end, j, j_end in difflib.SequenceMatcher(
        None, texts[0], texts[1], autojunk=False
    ).get_opcodes():
        if how == "equal":
            continue
        for offset in range(max(i_end - i, j_end - j)):
            old = before[i + offset] if i + offset < i_end else MISSING
            new = after[j + offset] if j + offset < j_end else MISSING
            index = j + offset if new is not MISSING else i + offset
            place, where = f"{name}[{index}]", ((*path, index) if new is not MISSING else path)
            if old is MISSING or new is MISSING:
                yield Difference(place, where, old, new)
            else:
                yield from differences(old, new, place, where)


def _by_name(items: Sequence[Any]) -> dict[str, tuple[int, Any]] | None:
    """Index and item by the name that each of the items has; None when not all have one of their own."""
    for field in ITEM_NAMES:
        found = {
            str(item[field]): (index, item)
            for index, item in enumerate(items)
            if isinstance(item, Mapping) and isinstance(item.get(field), str)
        }
        if items and len(found) == len(items):
            return found
    return None
