"""Collects everything that is wrong with a definition, so that the user sees it at once, with JSON paths."""

from __future__ import annotations

from dataclasses import dataclass, field

from pipeline.errors import DefinitionError
from pipeline.json_path import short_path
from pipeline.shown import cut, listing


@dataclass
class Findings:
    """Problems of one definition, in the order they were found; each names the place by its JSON path."""

    noted: dict[str, None] = field(default_factory=dict)

    @property
    def entries(self) -> list[str]:
        """One text a problem, none of them twice."""
        return list(self.noted)

    def add(self, path: str, problem: str) -> None:
        """Notes `problem`, which stands at `path`."""
        self.noted[f"{short_path(path)}: {cut(problem)}"] = None

    def raise_if_any(self) -> None:
        """Raises one DefinitionError that lists every problem; does nothing when there is none."""
        if not self.entries:
            return
        count = "1 problem" if len(self.entries) == 1 else f"{len(self.entries)} problems"
        raise DefinitionError(
            f"The local engine cannot execute this pipeline definition ({count}):\n"
            f"{listing(self.entries)}\n"
            "Change what is listed in the definition."
        )
