"""A service's API as botocore's package describes it, read from its file: botocore itself takes 0.15 s to import.

The objects have the attributes of botocore's own (`botocore.model`) that checking a request needs.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

_FILE = "service-2.json"


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
                return ApiModel(json.loads(gzip.decompress(packed.read_bytes())))
            if plain.is_file():
                return ApiModel(json.loads(plain.read_bytes()))
    raise LookupError(f"botocore's description of the service {service} is not installed")
