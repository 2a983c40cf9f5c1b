"""A ForEach step while it runs: its children, how many of them may run at once, and what it leaves behind."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from pipeline.errors import StepFailed
from pipeline.execution import StepRecord, StepStatus
from pipeline.formatting import plural
from pipeline.shown import first_line, listed, shown
from pipeline.spec.definition import Json, Step
from pipeline.spec.expressions import Scope, resolve, steps_referenced
from pipeline.spec.for_each import COUNTS, children_of, items_of, selected
from pipeline.spec.references import look_up

# Where its record keeps the items while it runs: an execution that is resumed goes on with the same.
ITEMS = "IterableItems"


def find_items(step: Step, record: StepRecord, scope: Scope) -> list[Json]:
    """The items of a step that begins, or goes on.

    Raises:
        StepFailed: its IterableItems stand for no list.
    """
    if ITEMS in record.properties:
        known: list[Json] = record.properties[ITEMS]
        return known
    try:
        return items_of(resolve(step.arguments["IterableItems"], scope))
    except ValueError as error:
        raise StepFailed(f"Reading the items of {step.name}: {error}") from error


@dataclass
class Loop:
    """`children` by name, in order; `running` are those that run or may start now, the others `queue`."""

    step: Step
    items: list[Json]
    children: Mapping[str, Step]
    running: set[str] = field(default_factory=set)
    queue: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, step: Step, items: list[Json]) -> Loop:
        """The step with a child for each item and each step of its body. Raises StepFailed; see children_of."""
        return cls(step, items, {child.name: child for child in children_of(step, items)})

    @property
    def at_once(self) -> int:
        """The most children that run at once."""
        return int(self.step.arguments["MaxConcurrency"])

    def records(self, known: Mapping[str, StepRecord]) -> dict[str, StepRecord]:
        """The children's records as they begin; `known` has those of an execution that goes on."""
        name = self.step.name
        return {
            child.name: known.get(child.name, StepRecord(child.name, child.type, part_of=name))
            for child in self.children.values()
        }

    def before(self, child: Step) -> frozenset[str]:
        """The children that `child` waits for; all else had ended when the ForEach step began."""
        named = {dependency.step for dependency in child.depends_on}
        return (steps_referenced(child.arguments) | named) & self.children.keys()

    def admit(self, child: str) -> bool:
        """Whether a child that is ready may start now; if not, it queues."""
        if len(self.running) < self.at_once:
            self.running.add(child)
            return True
        self.queue.append(child)
        return False

    def leave(self, child: str) -> str | None:
        """A child has ended; the one that may start now in its place."""
        if child not in self.running:
            return None
        self.running.discard(child)
        if not self.queue:
            return None
        following = self.queue.pop(0)
        self.running.add(following)
        return following

    def end(self, records: Mapping[str, StepRecord], *, stopping: bool) -> Mapping[str, object]:
        """What changes in the step's record now that none of its children runs any more."""
        own = [records[name] for name in self.children]
        statuses = Counter(record.status for record in own)
        failed = [record for record in own if record.status == "Failed"]
        status: StepStatus = "Succeeded"
        reason = None
        if (statuses["Stopped"] and not failed) or (stopping and statuses["Stopped"] + statuses["Pending"]):
            status = "Stopped"
        elif failed:
            status, reason = "Failed", _reason(failed, len(own))
        properties = {"Status": status, **self._counts(statuses), "IterationOutputs": self._outputs(records)}
        if status == "Succeeded" and self.items and "Selector" in self.step.arguments:
            try:
                properties["Selected"] = self._select(properties["IterationOutputs"])
            except StepFailed as error:
                status, reason = "Failed", str(error)
                properties["Status"] = status
        if status != "Succeeded":
            properties[ITEMS] = self.items
        return {"status": status, "failure_reason": reason, "properties": properties}

    def _counts(self, statuses: Mapping[StepStatus, int]) -> dict[str, Json]:
        ended = (statuses["Succeeded"], statuses["Failed"], statuses["Stopped"])
        return dict(zip(COUNTS, (len(self.items), len(self.children), *ended), strict=True))

    def _outputs(self, records: Mapping[str, StepRecord]) -> list[dict[str, Json]]:
        """What the children left, by the name of the step of the body, for each item."""
        outputs: list[dict[str, Json]] = []
        for index in range(len(self.items)):
            ended = ((each.name, records[f"{each.name}-{index}"]) for each in self.step.body)
            outputs.append(
                {name: dict(record.properties) for name, record in ended if record.status == "Succeeded"}
            )
        return outputs

    def _select(self, outputs: list[dict[str, Json]]) -> Json:
        """The output of the iteration that the Selector picks, the first of equals."""
        how = selected(self.step)
        if how is None:
            raise StepFailed(
                f"Selecting an iteration of {self.step.name}: its Selector names none of its steps."
            )
        pick, name, path = how
        ranked = []
        for index, output in enumerate(outputs):
            if name in output:
                ranked.append((_number(output[name], path, f"{name}-{index}"), index))
        if not ranked:
            raise StepFailed(f"Selecting an iteration of {self.step.name}: {name} ran for none of its items.")
        best = max(ranked, key=lambda each: each[0]) if pick == "MaxBy" else min(ranked)
        return outputs[best[1]][name]


def _number(output: Json, path: tuple[str | int, ...], child: str) -> float:
    doing = f"Comparing {child} with the other iterations"
    try:
        value = look_up(output, path, entries_by_name=True)
    except ValueError as error:
        raise StepFailed(f"{doing}: {error}") from error
    try:
        # A property such as an OutputParameter is a string.
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if math.isnan(number):
        raise StepFailed(f"{doing} needs a number, not {shown(value)}.")
    return number


def _reason(failed: list[StepRecord], of: int) -> str:
    first = first_line(failed[0].failure_reason or "")
    names = listed(record.name for record in failed)
    return f"{len(failed)} of {plural(of, 'step')} failed: {names}. {failed[0].name}: {first}"
