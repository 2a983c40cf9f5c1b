"""Makes text from jobs and definitions safe to print: it moves no cursor, sets no colours and tells no password."""

from __future__ import annotations

import re
import unicodedata

_ESCAPE_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
# Cc: control characters; Cf: invisible ones, such as those that reverse the direction of what follows;
# Cn: no characters at all; Cs: lone surrogates, which no encoding can write; Zl, Zp: line and paragraph separators.
_UNPRINTABLE = frozenset({"Cc", "Cf", "Cn", "Cs", "Zl", "Zp"})
# RFC 3986, section 3.2.1; up to the last @, which people leave as it is within a password.
_USERINFO = re.compile(r"(?<=://)[^/?#\s]*@")


def without_userinfo(text: str) -> str:
    """`text`, with "…" for the user and password in each URL (`https://user:password@host`)."""
    return _USERINFO.sub("…@", text) if "@" in text else text


def printable(text: str) -> str:
    """`text` on one line: escape sequences dropped, tabs as spaces, other unprintable characters as "�".

    Without the users and passwords of URLs.
    """
    text = without_userinfo(_ESCAPE_SEQUENCE.sub("", text))
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
