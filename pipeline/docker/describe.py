"""The SDK's local answers to Describe calls, as the service and the local engine shape them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any


def as_described(properties: Mapping[str, Any], hidden: Collection[str]) -> dict[str, Any]:
    """What a step left behind as JSON values, without the environment variables called `hidden`.

    The SDK has local times where the service writes UTC, mappings by name where it answers lists, and an outcome
    of type bool where the service says "True" or "False".
    """
    described: dict[str, Any] = _plain(properties)
    if described.get("Environment"):
        described["Environment"] = {
            name: value for name, value in described["Environment"].items() if name not in hidden
        }
    config = described.get("ProcessingOutputConfig") or {}
    for owner, key in ((described, "ProcessingInputs"), (config, "Outputs")):
        if isinstance(owner.get(key), dict):
            owner[key] = list(owner[key].values())
    for item in described.get("ProcessingInputs") or ():
        item.pop("DataUri", None)
    if "Outcome" in described:
        described["Outcome"] = str(described["Outcome"])
    return described


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return value
