"""What a change set would do, as data and as lines for people."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

MARKS = {"Add": "+", "Modify": "~", "Remove": "-", "Import": "<", "Dynamic": "?"}


@dataclass(frozen=True)
class Change:
    """One resource: what is done to it, what of it changes, and whether it is replaced by a new one."""

    action: str
    resource: str
    kind: str
    replaced: str
    properties: tuple[str, ...]

    @classmethod
    def parse(cls, change: dict[str, Any]) -> Change:
        """From DescribeChangeSet's ResourceChange."""
        targets = [detail.get("Target", {}) for detail in change.get("Details", [])]
        names = sorted({target.get("Name") or target.get("Attribute") or "" for target in targets} - {""})
        return cls(
            action=change["Action"],
            resource=change["LogicalResourceId"],
            kind=change["ResourceType"],
            replaced=change.get("Replacement", "False"),
            properties=tuple(names),
        )

    def __str__(self) -> str:
        line = f"{MARKS.get(self.action, '?')} {self.resource:<24} {self.kind.removeprefix('AWS::')}"
        if self.properties:
            line += f"  ({', '.join(self.properties)})"
        if self.replaced != "False":
            line += "  IS REPLACED" if self.replaced == "True" else "  may be replaced"
        return line


@dataclass(frozen=True)
class ChangeSet:
    """A change set that waits to be executed. `creates`: its stack does not exist yet."""

    arn: str
    stack_id: str
    creates: bool
    changes: tuple[Change, ...]

    def lines(self) -> Iterator[str]:
        """What it would do, resource by resource, and what to look at before saying yes."""
        yield from (f"  {change}" for change in self.changes)
        counts = {
            word: sum(change.action == action for change in self.changes)
            for action, word in (("Add", "to add"), ("Modify", "to change"), ("Remove", "to remove"))
        }
        yield ", ".join(f"{count} {word}" for word, count in counts.items())
        roles = [change.resource for change in self.changes if change.kind.startswith("AWS::IAM::")]
        if roles:
            yield f"Permissions change: {', '.join(roles)}. docs/permissions.md explains them."
        lost = [
            change.resource
            for change in self.changes
            if change.action == "Remove" or change.replaced != "False"
        ]
        if lost:
            yield f"Check carefully, these are removed or may be replaced: {', '.join(lost)}."
