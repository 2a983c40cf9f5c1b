"""What is wrong with a definition: each thing once, with its JSON path, and who refuses it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from pipeline.errors import DefinitionError
from pipeline.shown import cut, listing
from pipeline.spec.json_path import short_path

# The local engine and SageMaker alike; the local engine alone; SageMaker alone; nobody: this project advises it.
Refuser = Literal["both", "here", "service", "nobody"]
# Findings of this prefix come from botocore's model; another one at the same path explains the same mistake better.
MODEL_PREFIX = "model-"
# Of what no rule with a name of its own says.
WELL_FORMED = "well-formed"
MOST_REMARKS = 6


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, at a JSON path; `by` says who refuses it, `rule` which kind of check found it."""

    path: str
    message: str
    by: Refuser = "both"
    rule: str = WELL_FORMED

    def __str__(self) -> str:
        named = self.rule != WELL_FORMED and not self.rule.startswith(MODEL_PREFIX)
        return f"{short_path(self.path)}: {cut(self.message)}{f' [{self.rule}]' if named else ''}"


@dataclass
class Findings:
    """What is wrong with one definition."""

    noted: dict[tuple[str, str], Finding] = field(default_factory=dict)

    @property
    def entries(self) -> list[Finding]:
        """All findings, none of them twice, as they were found."""
        return _without_repetitions(self.noted.values())

    @property
    def local(self) -> list[Finding]:
        """What the local engine refuses."""
        return self.refused_by("both", "here")

    def refused_by(self, *refusers: Refuser) -> list[Finding]:
        """What these refuse."""
        return _without_repetitions(each for each in self.noted.values() if each.by in refusers)

    def add(self, path: str, problem: str, by: Refuser = "both", rule: str = WELL_FORMED) -> None:
        """Notes `problem`, which stands at `path`."""
        # The model says one thing of a kind, though with a parameter's value it words it differently.
        what = rule if rule.startswith(MODEL_PREFIX) else problem
        self.noted.setdefault((path, what), Finding(path, problem, by, rule))

    def raise_if_any(self, steps: Sequence[str] = (), remarks: Sequence[Finding] = ()) -> None:
        """Raises one DefinitionError that lists all that the local engine refuses; does nothing without any.

        In the order of `steps`, the JSON paths of the definition's. `remarks` are what SageMaker refuses besides.
        """
        found = in_order(self.local, steps)
        if not found:
            return
        count = "1 problem" if len(found) == 1 else f"{len(found)} problems"
        besides = f"{_besides(remarks)}\n" if remarks else ""
        raise DefinitionError(
            f"The local engine cannot execute this pipeline definition ({count}):\n"
            f"{listing(found)}\n{besides}"
            "Change what is listed in the definition."
        )


def _besides(remarks: Sequence[Finding]) -> str:
    return f"Besides, SageMaker's API would refuse this ({len(remarks)} in all):\n{listing(remarks, MOST_REMARKS)}"


def said_of_service(remarks: Sequence[Finding]) -> str:
    """What SageMaker alone refuses of a definition that runs here, as a heading and a short list."""
    return (
        f"SageMaker's API would refuse this ({len(remarks)} in all; a run here does not depend on it):\n"
        f"{listing(remarks, MOST_REMARKS)}"
    )


def in_order(findings: Iterable[Finding], steps: Sequence[str]) -> list[Finding]:
    """`findings` in the order of `steps`, the JSON paths of a definition's steps; first those outside of them."""
    places = {path: index for index, path in enumerate(steps)}

    def place(finding: Finding) -> int:
        path = finding.path
        while path:
            if path in places:
                return places[path]
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        return -1

    return sorted(findings, key=place)


def _without_repetitions(findings: Iterable[Finding]) -> list[Finding]:
    found = list(findings)
    clear = {each.path for each in found if not each.rule.startswith(MODEL_PREFIX)}
    return [each for each in found if not (each.rule.startswith(MODEL_PREFIX) and each.path in clear)]
