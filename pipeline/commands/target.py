"""The targets that this version runs on."""

from __future__ import annotations

from pipeline.errors import UsageError


def require_local(target: str) -> None:
    """Raises UsageError unless the target is the local one."""
    if target != "local":
        raise UsageError(
            f"Choosing a target: this version runs on: local. Received: --target {target}. "
            "Leave it out, or use --target local."
        )
