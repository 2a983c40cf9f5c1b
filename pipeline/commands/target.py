"""The targets that this version runs on."""

from __future__ import annotations

from pipeline.errors import UsageError

RUNNABLE = ("local", "docker")


def require_runnable(target: str) -> None:
    """Raises UsageError unless this version runs on the target."""
    if target not in RUNNABLE:
        raise UsageError(
            f"Choosing a target: this version runs on: {', '.join(RUNNABLE)}. Received: --target {target}. "
            "Leave it out, or use --target local."
        )
