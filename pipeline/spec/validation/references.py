"""What the expressions of a definition refer to: the syntax of Get paths, found without a value for anything."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pipeline.spec.validation.document import Json, child_path

EXPRESSIONS = frozenset({"Get", "Std:Join", "Std:JsonGet"})

# One part of a property path: .Key, ['key'] or [0].
PART = re.compile(r"\.(?P<key>[A-Za-z0-9_]+)|\['(?P<name>[^']+)'\]|\[(?P<index>\d+)\]")
GET = re.compile(
    r"(?P<root>Parameters|Execution|Steps|ForEach|IterationOutput)\.(?P<name>[A-Za-z0-9_\-]+)(?P<rest>.*)",
    re.DOTALL,
)


@dataclass(frozen=True)
class Reference:
    """What {"Get": …} names: `root` Parameters, Execution or Steps, `name` under it, then keys and positions.

    In the body of a ForEach step `root` may be ForEach, in its Selector IterationOutput.

    A string part after the first may be a key of an object or the name of a list's item (Outputs['processed']).
    """

    root: str
    name: str
    parts: tuple[str | int, ...] = ()


def parse_reference(text: Json) -> Reference | None:
    """The reference that a Get's text names; None when it is malformed."""
    match = GET.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        return None
    rest, parts, position = match["rest"], list[str | int](), 0
    while position < len(rest):
        part = PART.match(rest, position)
        if part is None:
            return None
        parts.append(int(part["index"]) if part["index"] is not None else part["key"] or part["name"])
        position = part.end()
    # The item itself may be read, and what is in it.
    if match["root"] != "ForEach" and (match["root"] in ("Steps", "IterationOutput")) != bool(parts):
        return None
    return Reference(match["root"], match["name"], tuple(parts))


def is_expression(value: Json) -> bool:
    """Whether `value` is an object that stands for a value: {"Get": …}, {"Std:Join": …}, {"Std:…": …}."""
    return (
        isinstance(value, Mapping)
        and len(value) == 1
        and any(key in EXPRESSIONS or key.startswith("Std:") for key in value)
    )


def references(value: Json, path: str) -> Iterator[tuple[str, Reference]]:
    """Every well-formed reference in `value`, with the path of its Get."""
    if isinstance(value, Mapping):
        if is_expression(value) and "Get" in value:
            reference = parse_reference(value["Get"])
            if reference:
                yield path, reference
            return
        for key, item in value.items():
            yield from references(item, child_path(path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from references(item, child_path(path, index))
