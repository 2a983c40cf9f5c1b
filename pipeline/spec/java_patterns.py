"""Compiles the regular expressions of botocore's models, which are written for Java, with Python's `re`."""

from __future__ import annotations

import re
import sys
import unicodedata
from functools import cache

# Surrogate pairs: how Java's ranges reach the characters beyond U+FFFF.
SURROGATES = r"\uD800\uDC00-\uDBFF\uDFFF"
BEYOND_BMP = r"\U00010000-\U0010FFFF"


@cache
def compile_pattern(pattern: str) -> re.Pattern[str]:
    r"""`pattern` for Python; use it with fullmatch. \w, \d and \s are ASCII, as they are in Java."""
    python = pattern.replace(SURROGATES, BEYOND_BMP)
    # CustomerMetadataKey repeats the end-of-text anchor, which means no more than one of it.
    python = re.sub(r"\$\{\d+,\d+\}$", "", python)
    python = python.replace(r"\p{Alnum}", "a-zA-Z0-9")
    python = re.sub(r"\\p\{([LMNPSZ])\}", lambda match: category_ranges()[match[1]], python)
    return re.compile(python, re.ASCII)


@cache
def category_ranges() -> dict[str, str]:
    """By the first letter of a Unicode category, its characters as ranges that fit between the brackets of a class.

    One pass over all of Unicode (about 0.2 s), made only when a tag or a description is checked.
    """
    ranges: dict[str, list[list[int]]] = {letter: [] for letter in "LMNPSZ"}
    for point in range(sys.maxunicode + 1):
        found = ranges.get(unicodedata.category(chr(point))[0])
        if found is None:
            continue
        if found and found[-1][1] == point - 1:
            found[-1][1] = point
        else:
            found.append([point, point])
    return {
        letter: "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in found)
        for letter, found in ranges.items()
    }
