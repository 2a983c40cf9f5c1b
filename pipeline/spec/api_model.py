"""A service's API as botocore's package describes it, read from its file: botocore itself takes 0.15 s to import.

The objects have the attributes of botocore's own (`botocore.model`) that checking a request needs.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

_FILE = "service-2.json"
_OF_GZIP = 16 + zlib.MAX_WBITS
# As botocore's files are written: how a section begins, what is between two of its entries, and how it ends.
_SECTION, _BETWEEN, _END = b'\n  "%s":{\n    "', b',\n    "', b"\n  }"


class Shape:
    """One type of the API: a structure, a list, a map, a string, a number, …."""

    def __init__(self, name: str, described: Mapping[str, Any], model: ApiModel) -> None:
        self.name = name
        self.type_name: str = described["type"]
        # With `min`, `max` and `pattern`, where there are any.
        self.metadata = described
        self._model = model

    @property
    def required_members(self) -> Sequence[str]:
        """Of a structure, the members that must be there."""
        required: Sequence[str] = self.metadata.get("required", ())
        return required

    @property
    def enum(self) -> list[str]:
        """The values that a string may have; empty when it may have any."""
        values: list[str] = self.metadata.get("enum", [])
        return values

    @cached_property
    def members(self) -> dict[str, Shape]:
        """Of a structure, its members by name."""
        members = self.metadata.get("members", {})
        return {name: self._model.shape_for(member["shape"]) for name, member in members.items()}

    @property
    def member(self) -> Shape:
        """Of a list, what is in it."""
        return self._model.shape_for(self.metadata["member"]["shape"])

    @property
    def key(self) -> Shape:
        """Of a map, its keys."""
        return self._model.shape_for(self.metadata["key"]["shape"])

    @property
    def value(self) -> Shape:
        """Of a map, its values."""
        return self._model.shape_for(self.metadata["value"]["shape"])


@dataclass(frozen=True)
class Operation:
    """An operation of the API: the shapes of its request and of its answer, None where it has none."""

    input_shape: Shape | None
    output_shape: Shape | None


class ApiModel:
    """All shapes and operations of a service."""

    def __init__(self, described: Mapping[str, Any]) -> None:
        self._described = described
        self._shapes: dict[str, Shape] = {}

    @property
    def shape_names(self) -> list[str]:
        """The names of all shapes."""
        return list(self._described["shapes"])

    def shape_for(self, name: str) -> Shape:
        """The shape called `name`. Raises KeyError when there is none."""
        if name not in self._shapes:
            self._shapes[name] = Shape(name, self._described["shapes"][name], self)
        return self._shapes[name]

    def operation_model(self, name: str) -> Operation:
        """The operation called `name`. Raises KeyError when there is none."""
        described = self._described["operations"][name]
        shapes = [
            self.shape_for(described[part]["shape"]) if part in described else None
            for part in ("input", "output")
        ]
        return Operation(*shapes)


class Section(Mapping[str, Any]):
    """The entries of a section of the file, each read when it is asked for: of thousands few are, and reading all
    takes longer than checking a definition with them."""

    def __init__(self, text: bytes) -> None:
        self._texts = {entry[: entry.index(b'"')].decode(): entry for entry in text.split(_BETWEEN)}
        self._read: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._read:
            self._read[name] = json.loads(self._texts[name].partition(b'":')[2])
        return self._read[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._texts)

    def __len__(self) -> int:
        return len(self._texts)


def described(text: bytes) -> Mapping[str, Any]:
    """What a file of botocore's says of a service: its shapes and operations."""
    sections = {}
    for name in ("operations", "shapes"):
        begin = _SECTION % name.encode()
        if (start := text.find(begin)) == -1 or (end := text.find(_END, start)) == -1:
            # It is written otherwise.
            whole: Mapping[str, Any] = json.loads(text)
            return whole
        sections[name] = Section(text[start + len(begin) : end])
    return sections


@cache
def read_api(service: str) -> ApiModel:
    """The newest version of `service` in the installed botocore. What lies in ~/.aws/models does not count.

    Raises:
        LookupError: botocore is not installed, or does not know the service.
    """
    found = find_spec("botocore")
    folders = [] if found is None else [Path(place) for place in found.submodule_search_locations or ()]
    for folder in folders:
        for version in sorted((folder / "data" / service).iterdir(), reverse=True):
            packed, plain = version / f"{_FILE}.gz", version / _FILE
            if packed.is_file():
                return ApiModel(described(zlib.decompress(packed.read_bytes(), _OF_GZIP)))
            if plain.is_file():
                return ApiModel(described(plain.read_bytes()))
    raise LookupError(f"botocore's description of the service {service} is not installed")
