"""Which steps must have ended before a step can start."""

from __future__ import annotations

from pipeline.local.definition import Definition


def dependencies(definition: Definition) -> dict[str, frozenset[str]]:
    """For every step, in the definition's order, the names of the steps it waits for.

    These are its DependsOn, the steps whose properties or property files its arguments read, and the Condition steps
    whose branches it stands in.
    """
    raise NotImplementedError
