"""Reads the entries of a JSON object, noting what is missing or of the wrong type, and where."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pipeline.near_match import did_you_mean
from pipeline.shown import shown
from pipeline.spec.diagnostics import Findings, Refuser
from pipeline.spec.json_path import child

T = TypeVar("T")

_NAMES = {str: "a string", bool: "true or false", list: "a list", dict: "an object"}


@dataclass(frozen=True)
class JsonObject:
    """A JSON object that is being read, where it stands, and where to note problems."""

    value: Mapping[str, Any]
    path: str
    findings: Findings

    @classmethod
    def of(cls, value: Any, path: str, findings: Findings) -> JsonObject:
        """`value`, or an empty object when it is noted as not being one."""
        if not isinstance(value, Mapping):
            findings.add(path, f"must be an object, not {shown(value)}.")
            value = {}
        return cls(value, path, findings)

    def note(self, key: str, problem: str, by: Refuser = "both") -> None:
        """Notes `problem` about the entry `key`, and who refuses it."""
        self.findings.add(child(self.path, key), problem, by)

    def allow(self, *keys: str) -> None:
        """Notes every key that is not one of `keys`."""
        for key in self.value:
            if key not in keys:
                hint = did_you_mean(key, keys)
                self.note(key, f"not supported here; only {', '.join(keys)}.{hint}")

    def get(self, key: str, kind: type[T], default: T) -> T:
        """The entry `key`; `default` when it is absent or noted as not of type `kind`."""
        value = self.value.get(key, default)
        if isinstance(value, kind):
            return value
        self.note(key, f"must be {_NAMES[kind]}, not {shown(value)}.")
        return default

    def require(self, key: str, kind: type[T], default: T) -> T:
        """The entry `key`; `default` when it is noted as missing or not of type `kind`."""
        if key not in self.value:
            self.note(key, f"missing: must be {_NAMES[kind]}.")
        return self.get(key, kind, default)

    def number(self, key: str, least: float, *, most: float = math.inf, whole: bool = False) -> float | None:
        """The number at `key`, None when it is absent or noted as not a number from `least` to `most`."""
        value = self.value.get(key)
        if key not in self.value:
            return None
        if (
            isinstance(value, int if whole else int | float)
            and not isinstance(value, bool)
            and least <= value <= most
        ):
            return value
        kind = "whole number" if whole else "number"
        extent = f"of at least {least:g}" if most == math.inf else f"from {least:g} to {most:g}"
        self.note(key, f"must be a {kind} {extent}, not {shown(value)}.")
        return None

    def whole_number(self, key: str, least: int) -> int | None:
        """The whole number at `key`, as in `number`."""
        value = self.number(key, least, whole=True)
        return None if value is None else int(value)

    def one_of(self, key: str, choices: Collection[str]) -> str | None:
        """The string at `key` when it is one of `choices`, else None, noted."""
        value = self.value.get(key)
        if isinstance(value, str) and value in choices:
            return value
        hint = did_you_mean(value, choices) if isinstance(value, str) else ""
        self.note(key, f"must be one of {', '.join(choices)}, not {shown(value)}.{hint}")
        return None

    def child(self, key: str) -> JsonObject:
        """The object at `key`, which is required."""
        return JsonObject(self.require(key, dict, {}), child(self.path, key), self.findings)

    def children(self, key: str) -> list[JsonObject]:
        """The objects of the list at `key`; none when it is absent, and none for what is noted as no object."""
        path = child(self.path, key)
        found = []
        for index, entry in enumerate(self.get(key, list, [])):
            read = JsonObject.of(entry, child(path, index), self.findings)
            if isinstance(entry, Mapping):
                found.append(read)
        return found

    def filled(self, key: str, what: str) -> list[Any]:
        """The list at `key`; noted when it is missing, no list, or has not one `what`."""
        found = self.require(key, list, [])
        if found == [] and isinstance(self.value.get(key), list):
            self.note(key, f"must have at least one {what}.")
        return found
