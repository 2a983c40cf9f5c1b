"""Writes values and lists of names into messages, so that a message stays readable whatever it is about."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

LONGEST_VALUE = 120
LONGEST_TEXT = 400
LONGEST_LIST = 12
MOST_LINES = 12


def shown(value: object, most: int = LONGEST_VALUE) -> str:
    """`value` as Python writes it, control characters escaped; cut after `most` characters, with its length."""
    return cut(repr(value), most)


def cut(text: str, most: int = LONGEST_TEXT) -> str:
    """`text`; what is longer than `most` characters loses its end and says how long it was."""
    return text if len(text) <= most else f"{text[:most]}… ({len(text):,} characters)"


def first_line(text: str) -> str:
    """The first line of a message; one that ends in a colon with the next, which it announces."""
    first, *more = text.strip().split("\n", 2)
    return f"{first} {more[0].strip()}" if more and first.endswith(":") else first


def listed(names: Iterable[object], most: int = LONGEST_LIST, longest: int = LONGEST_VALUE) -> str:
    """The first `most` of the names, with commas, and how many more there are; "none" when there are none.

    One of more than `longest` characters is cut: for paths LONGEST_TEXT is enough.
    """
    texts = [cut(str(name), longest) for name in names]
    more = f" and {len(texts) - most:,} more" if len(texts) > most else ""
    return (", ".join(texts[:most]) or "none") + more


def listing(entries: Sequence[object], most: int = MOST_LINES) -> str:
    """The first `most` of the entries, an indented line each, and how many more there are."""
    lines = [f"  {entry}" for entry in entries[:most]]
    if len(entries) > most:
        lines.append(f"  … and {len(entries) - most:,} more")
    return "\n".join(lines)
