"""What a Get names ("Steps.Evaluate.ProcessingOutputConfig.Outputs['x'].S3Output.S3Uri"), and paths into JSON."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.near_match import did_you_mean
from pipeline.shown import listed, shown
from pipeline.spec.vocabulary import ITEM_NAMES

# What a Get can read: the last two in the body of a ForEach step, and in its Selector.
ROOTS = ("Parameters", "Execution", "PipelineExperimentConfig", "Steps", "ForEach", "IterationOutput")
_WITH_AN_INSIDE = ("Steps", "ForEach", "IterationOutput")

_NAME = re.compile(r"[^.\[\]]+")
_SUBSCRIPT = re.compile(r"""\[(?:(?P<index>[0-9]{1,9})|'(?P<single>[^']*)'|"(?P<double>[^"]*)")\]""")

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Reference:
    """A parsed Get: `root` is one of ROOTS; `name` the parameter, variable, entry or step."""

    root: str
    name: str
    path: Path = ()


def parse_path(text: str) -> Path:
    """Keys (str) and indices (int) of a path such as `a.b['c.d'][0]`; a leading `$` or `$.` is allowed.

    Raises:
        ValueError: `text` is not such a path.
    """
    position = 2 if text.startswith("$.") else 1 if text == "$" or text.startswith("$[") else 0
    keys: list[str | int] = []
    while position < len(text):
        if match := _SUBSCRIPT.match(text, position):
            index = match["index"]
            keys.append(
                int(index) if index else next(k for k in (match["single"], match["double"]) if k is not None)
            )
            position = match.end()
            continue
        start = position + 1 if keys and text[position] == "." else position
        if (keys and start == position) or not (match := _NAME.match(text, start)):
            break
        keys.append(match[0])
        position = match.end()
    if position < len(text) or not keys:
        raise ValueError(f"must be a path such as a.b['c'][0], not {shown(text)}.")
    return tuple(keys)


def written(path: Path) -> str:
    """The path as a definition has it: OutputParameters['rows']."""
    first, *rest = path
    return "".join([str(first), *(f"[{part!r}]" for part in rest)])


def parse_reference(text: Any) -> Reference:
    """The parameter, execution variable, entry of the experiment's configuration or step that `Get: text` names.

    Raises:
        ValueError: `text` has another form.
    """
    root, _, rest = (text if isinstance(text, str) else repr(text)).partition(".")
    if root not in ROOTS:
        forms = ", ".join(f"{known}.…" for known in ROOTS)
        raise ValueError(
            f"Get must begin with one of {forms}, which {shown(text)} does not.{did_you_mean(root, ROOTS)}"
        )
    if not rest:
        raise ValueError(f"Get must be {root}.<name>, not {shown(text)}.")
    # Parameter and step names may not contain dots or brackets, so the path's grammar fits all of it.
    name, *path = parse_path(rest)
    if not isinstance(name, str) or (path and root not in _WITH_AN_INSIDE):
        raise ValueError(f"Get must be {root}.<name>, not {shown(text)}.")
    return Reference(root, name, tuple(path))


def look_up(value: Any, path: Path, *, entries_by_name: bool = False) -> Any:
    """The part of the JSON `value` at `path`.

    Raises:
        ValueError: there is no such part; the message says where the path ends and what is there.
    """
    for depth, key in enumerate(path):
        entries = value
        if entries_by_name and isinstance(value, list) and isinstance(key, str):
            entries = _by_name(value)
        if not _has(entries, key):
            place = f"at {shown(path[:depth])}" if depth else "at the top"
            raise ValueError(f"there is no {shown(key)} {place}, but {_describe(entries, key)}")
        value = entries[key]
    return value


def _has(entries: Any, key: str | int) -> bool:
    if isinstance(entries, Mapping):
        return isinstance(key, str) and key in entries
    return isinstance(entries, list) and isinstance(key, int) and key < len(entries)


def _by_name(entries: list[Any]) -> dict[str, Any]:
    return {
        entry[field]: entry
        for entry in entries
        if isinstance(entry, Mapping)
        for field in ITEM_NAMES
        if isinstance(entry.get(field), str)
    }


def _describe(value: Any, key: str | int) -> str:
    if isinstance(value, Mapping):
        keys = listed(sorted(map(str, value))) if value else "no keys"
        hint = did_you_mean(key, map(str, value)) if isinstance(key, str) else ""
        return f"an object with {keys}.{hint}"
    if isinstance(value, list):
        return f"a list of {len(value)}."
    return f"{shown(value)}."
