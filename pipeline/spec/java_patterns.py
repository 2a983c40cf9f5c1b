"""Compiles the regular expressions of botocore's models, which are written for Java, with Python's `re`."""

from __future__ import annotations

import re
import sys
import unicodedata
from functools import lru_cache

# Surrogate pairs: how Java's ranges reach the characters beyond U+FFFF.
SURROGATES = r"\uD800\uDC00-\uDBFF\uDFFF"
BEYOND_BMP = r"\U00010000-\U0010FFFF"
_CATEGORY = re.compile(r"\\p\{([LMNPSZ])\}")
_PRIVATE = 0xE000


def matches(pattern: str, text: str) -> bool:
    r"""Whether all of `text` fits `pattern`. \w, \d and \s are ASCII, as they are in Java."""
    categories = _categories_of(text) if _CATEGORY.search(pattern) else ()
    return compile_pattern(pattern, categories).fullmatch(text) is not None


@lru_cache(maxsize=1024)
def compile_pattern(pattern: str, categories: tuple[tuple[str, str], ...] = ()) -> re.Pattern[str]:
    r"""`pattern` for Python, and for texts whose characters are `categories` (see _categories_of).

    \p{L} becomes the letters that the text has: a table of all that there are takes 0.2 s to make.
    """
    python = pattern.replace(SURROGATES, BEYOND_BMP)
    # CustomerMetadataKey repeats the end-of-text anchor, which means no more than one of it.
    python = re.sub(r"\$\{\d+,\d+\}$", "", python)
    python = python.replace(r"\p{Alnum}", "a-zA-Z0-9")
    python = python.replace(r"\p{Print}", "[ -~]")  # which stands in no brackets of its own in any model
    by_letter = {"": chr(_PRIVATE)} | dict(categories)
    python = _CATEGORY.sub(lambda match: _members(by_letter.get(match[1], by_letter[""])), python)
    return re.compile(python, re.ASCII)


def _categories_of(text: str) -> tuple[tuple[str, str], ...]:
    """The characters of `text` by the first letter of their Unicode category; by "" one that it has not."""
    absent = next(chr(point) for point in range(_PRIVATE, sys.maxunicode) if chr(point) not in text)
    found = {"": absent}
    for character in sorted(set(text)):
        letter = unicodedata.category(character)[0]
        found[letter] = found.get(letter, "") + character
    return tuple(found.items())


def _members(characters: str) -> str:
    """What stands for `characters` between the brackets of a class."""
    return "".join(f"\\U{ord(character):08x}" for character in characters)
