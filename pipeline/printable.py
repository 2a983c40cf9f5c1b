"""Makes text from jobs and definitions safe to print: no log line may move the cursor or set colours."""

from __future__ import annotations

import re
import unicodedata

_ESCAPE_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
# Cc: control characters; Cf: invisible ones, such as those that reverse the direction of what follows;
# Cn: no characters at all; Cs: lone surrogates, which no encoding can write; Zl, Zp: line and paragraph separators.
_UNPRINTABLE = frozenset({"Cc", "Cf", "Cn", "Cs", "Zl", "Zp"})


def printable(text: str) -> str:
    """`text` on one line: escape sequences dropped, tabs as spaces, other unprintable characters as "�"."""
    text = _ESCAPE_SEQUENCE.sub("", text)
    if text.isprintable():
        return text
    return "".join(
        " "
        if character in "\t\n\r"
        else "�"
        if unicodedata.category(character) in _UNPRINTABLE
        else character
        for character in text
    )
