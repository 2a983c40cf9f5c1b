"""Evaluates the conditions of a Condition step."""

from __future__ import annotations

from pipeline.local.definition import Json
from pipeline.local.expressions import Scope


def holds(condition: Json, scope: Scope) -> bool:
    """Whether `condition` (one entry of a Condition step's "Conditions", which are anded) is true in `scope`.

    Raises:
        StepFailed: an operand cannot be resolved, or the operands cannot be compared.
    """
    raise NotImplementedError
