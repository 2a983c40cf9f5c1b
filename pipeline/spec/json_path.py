"""Writes the place of a value in a JSON document: $.Steps[0].Arguments['odd key']."""

from __future__ import annotations

import re

from pipeline.shown import shown

_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
_LONGEST_KEY = 60
_LONGEST_PATH, _KEPT_BEFORE, _KEPT_AFTER = 180, 50, 125


def child(path: str, key: str | int) -> str:
    """The JSON path of the entry `key` of the object or array at `path`."""
    if isinstance(key, int):
        return f"{path}[{key}]"
    return f"{path}.{key}" if _PLAIN_KEY.fullmatch(key) else f"{path}[{shown(key, _LONGEST_KEY)}]"


def short_path(path: str) -> str:
    """`path`, without the middle of one that is very long."""
    return path if len(path) <= _LONGEST_PATH else f"{path[:_KEPT_BEFORE]}…{path[-_KEPT_AFTER:]}"
