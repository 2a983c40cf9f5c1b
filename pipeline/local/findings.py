"""Collects everything that is wrong with a definition, so that the user sees it at once, with JSON paths."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches

from pipeline.errors import DefinitionError

_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


@dataclass
class Findings:
    """Problems of one definition, in the order they were found; each names the place by its JSON path."""

    entries: list[str] = field(default_factory=list)

    def add(self, path: str, problem: str) -> None:
        """Notes `problem`, which stands at `path`."""
        entry = f"{path}: {problem}"
        if entry not in self.entries:
            self.entries.append(entry)

    def raise_if_any(self) -> None:
        """Raises one DefinitionError that lists every problem; does nothing when there is none."""
        if not self.entries:
            return
        count = "1 problem" if len(self.entries) == 1 else f"{len(self.entries)} problems"
        listing = "\n".join(f"  {entry}" for entry in self.entries)
        raise DefinitionError(
            f"The local engine cannot execute this pipeline definition ({count}):\n"
            f"{listing}\n"
            "Change what is listed in the definition."
        )


def child(path: str, key: str | int) -> str:
    """The JSON path of the entry `key` of the object or array at `path`."""
    if isinstance(key, int):
        return f"{path}[{key}]"
    return f"{path}.{key}" if _PLAIN_KEY.fullmatch(key) else f"{path}['{key}']"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`" Did you mean 'x'?"` with the closest of `known`, or "" when nothing is close."""
    known = list(known)
    # Case is what people get wrong most often, and difflib counts every letter of it as a difference.
    matches = [other for other in known if other.lower() == name.lower()] or get_close_matches(
        name, known, n=1
    )
    return f" Did you mean {matches[0]!r}?" if matches else ""
