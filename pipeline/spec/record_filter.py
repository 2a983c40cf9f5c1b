"""The filters of a transform job's records: InputFilter and OutputFilter, a subset of JSONPath.

Developer guide, "Associate Prediction Results with Input Records": `$`, `.name`, `*`, `['a','b']`, `[0,-1]` and
`[start:end]`; a CSV row is a list, so its filters have numbers alone. The end of a slice is left out, as in the
JsonPath that the page names and in what public jobs expect of `$[:-1]`; one sentence of the page says otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.shown import shown
from pipeline.spec.definition import Json

_LONGEST = 63
_QUOTED = r"'[^']*'|\"[^\"]*\""
_PART = re.compile(
    rf"""\.?(?:
        \[\s*(?P<names>(?:{_QUOTED})(?:\s*,\s*(?:{_QUOTED}))*)\s*\]
      | \[\s*(?P<indices>-?\d+(?:\s*,\s*-?\d+)*)\s*\]
      | \[\s*(?P<start>-?\d*)\s*:\s*(?P<end>-?\d*)\s*\]
      | \[\s*(?P<all>\*)\s*\]
    ) | \.(?P<every>\*) | \.(?P<name>[^.\[\]\s*'",:]+)""",
    re.VERBOSE,
)

Part = tuple[str, ...] | tuple[int, ...] | slice | None


@dataclass(frozen=True)
class RecordFilter:
    """`parts` are names, numbers, a slice, or None for all, one level after the other; none of them is `$`."""

    text: str
    parts: tuple[Part, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether it takes everything."""
        return not self.parts

    def select(self, value: Json) -> Json:
        """What it takes of a record.

        Raises:
            ValueError: the record has no such name or place; the message says which.
        """
        return _select(value, self.parts, self.text)


EVERYTHING = RecordFilter("$")


def parse_filter(text: str) -> RecordFilter:
    """The filter that `text` says; one that is empty takes everything, as the service's default does.

    Raises:
        ValueError: it is none that SageMaker takes.
    """
    if not text:
        return EVERYTHING
    if len(text) > _LONGEST:
        raise ValueError(f"a filter may have at most {_LONGEST} characters, and {shown(text)} has more.")
    parts: list[Part] = []
    place = 1 if text.startswith("$") else 0
    while place and place < len(text):
        found = _PART.match(text, place)
        if found is None:
            break
        parts.append(_part(found))
        place = found.end()
    if not place or place < len(text):
        raise ValueError(
            "must be a JSONPath of $, .name, ['a','b'], [0,-1], [1:] and *, such as $[1:] for CSV or "
            f"$.features for JSON, not {shown(text)}."
        )
    return RecordFilter(text, tuple(parts))


def _part(found: re.Match[str]) -> Part:
    if found["names"] is not None:
        return tuple(name[1:-1] for name in re.findall(_QUOTED, found["names"]))
    if found["indices"] is not None:
        return tuple(map(int, found["indices"].split(",")))
    if found["start"] is not None:
        return slice(*(int(number) if number else None for number in (found["start"], found["end"])))
    return None if found["name"] is None else (found["name"],)


def _select(value: Json, parts: Sequence[Part], text: str) -> Json:
    if not parts:
        return value
    part, *rest = parts
    if part is None:
        if isinstance(value, dict):
            return [_select(each, rest, text) for each in value.values()]
        return [_select(each, rest, text) for each in _list(value, text)]
    if isinstance(part, slice):
        return [_select(each, rest, text) for each in _list(value, text)[part]]
    if isinstance(part[0], str):
        return _named(value, part, rest, text)
    items = _list(value, text)
    found = [_select(_at(items, int(index), text), rest, text) for index in part]
    return found if len(part) > 1 else found[0]


def _named(value: Json, names: Sequence[str | int], rest: Sequence[Part], text: str) -> Json:
    if not isinstance(value, dict):
        raise ValueError(f"the filter {text} needs an object with {names[0]!r}, not {shown(value)}")
    for name in names:
        if name not in value:
            raise ValueError(f"the filter {text} needs {name!r}, which is not in {shown(value)}")
    found = {str(name): _select(value[name], rest, text) for name in names}
    return found if len(names) > 1 else found[str(names[0])]


def _list(value: Json, text: str) -> list[Json]:
    if not isinstance(value, list):
        raise ValueError(f"the filter {text} needs a list, not {shown(value)}")
    return value


def _at(items: list[Json], index: int, text: str) -> Json:
    try:
        return items[index]
    except IndexError:
        raise ValueError(f"the filter {text} needs item {index}, but there are only {len(items)}") from None
