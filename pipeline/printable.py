"""Makes text from jobs and definitions safe to print: it moves no cursor, sets no colours and tells no password."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from typing import Any

_ESCAPE_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
# Cc: control characters; Cf: invisible ones, such as those that reverse the direction of what follows;
# Cn: no characters at all; Cs: lone surrogates, which no encoding can write; Zl, Zp: line and paragraph separators.
_UNPRINTABLE = frozenset({"Cc", "Cf", "Cn", "Cs", "Zl", "Zp"})
# RFC 3986, section 3.2.1; up to the last @, which people leave as it is within a password.
_USERINFO = re.compile(r"(?<=://)[^/?#\s]*@")


def without_userinfo(text: str) -> str:
    """`text`, with "…" for the user and password in each URL (`https://user:password@host`)."""
    return _USERINFO.sub("…@", text) if "@" in text else text


def json_text(document: Any) -> str:
    """`document` as indented JSON for whoever reads it, without the users and passwords of URLs."""
    return json.dumps(_masked(document), indent=2)


def _masked(value: Any) -> Any:
    if isinstance(value, str):
        return without_userinfo(value)
    if isinstance(value, Mapping):
        return {key: _masked(each) for key, each in value.items()}
    return [_masked(each) for each in value] if isinstance(value, list | tuple) else value


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
