"""What a check finds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pipeline.json_path import short_path
from pipeline.shown import cut

# Rules of this prefix come from botocore's model; a named rule at the same path explains the same mistake better.
MODEL_PREFIX = "model-"


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: in `step` (None: in the definition itself), at a JSON path, by a rule's name."""

    step: str | None
    path: str
    rule: str
    message: str

    def __str__(self) -> str:
        return f"{short_path(self.path)}: {cut(self.message)} [{self.rule}]"


def without_repetitions(problems: Iterable[Problem]) -> list[Problem]:
    """`problems` without duplicates, and without what the model says where a named rule already says it."""
    unique = list(dict.fromkeys(problems))
    named = {problem.path for problem in unique if not problem.rule.startswith(MODEL_PREFIX)}
    return [
        problem for problem in unique if not (problem.rule.startswith(MODEL_PREFIX) and problem.path in named)
    ]
