"""Finds the name that a misspelt one was meant to be."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

from pipeline.shown import LONGEST_VALUE, shown

_MOST_COMPARED = 500


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`" Did you mean 'x'?"` with the closest of `known`, or "" when nothing is close."""
    # Comparing takes time: of thousands of names not all are tried, and no name of pages.
    known = list(itertools.islice(known, _MOST_COMPARED))
    if len(name) > LONGEST_VALUE:
        return ""
    from difflib import get_close_matches

    # Case is what people get wrong most often, and difflib counts every letter of it as a difference.
    matches = [other for other in known if other.lower() == name.lower()] or get_close_matches(
        name, known, n=1
    )
    return f" Did you mean {shown(matches[0])}?" if matches else ""
