"""Changes to a compiled definition that are none of the graph's."""

from __future__ import annotations

import json
from typing import Any


def without_cache(definition: str) -> str:
    """The definition with step caching switched off: every step runs, even those that could be reused."""
    document = json.loads(definition)
    _switch_off(document["Steps"])
    return json.dumps(document, indent=2) + "\n"


def _switch_off(steps: list[dict[str, Any]]) -> None:
    for step in steps:
        if "CacheConfig" in step:
            step["CacheConfig"] = {**step["CacheConfig"], "Enabled": False}
        for part in ("IfSteps", "ElseSteps"):
            _switch_off(step.get("Arguments", {}).get(part, []))
