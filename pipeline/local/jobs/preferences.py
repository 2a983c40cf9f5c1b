"""The type and number of instances that a request asks for: its own, or those that it prefers most.

InstancePreferences are types in order, of which the service takes the first that is free. Here all are one machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def preferred_type(resources: Mapping[str, Any]) -> str:
    """The type of instances."""
    return str(_most_preferred(resources)["InstanceType"])


def preferred_count(resources: Mapping[str, Any]) -> int:
    """How many instances: one count for the job, or one for each preference."""
    return int(resources.get("InstanceCount") or _most_preferred(resources).get("InstanceCount", 1))


def _most_preferred(resources: Mapping[str, Any]) -> Mapping[str, Any]:
    preferences = resources.get("InstancePreferences") or [resources]
    first: Mapping[str, Any] = preferences[0]
    return first
