"""Whether a step can start, which the ends of the steps before it decide; and which failures others ran on."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Final, Literal

from pipeline.execution import StepRecord, StepStatus
from pipeline.spec.definition import Step, Trigger

Verdict = Literal["start", "skip", "wait"]

# The ends of a step on which each trigger fires. A step that was skipped did not run, so it has no end to wait for.
_FIRES: Final[Mapping[Trigger, frozenset[StepStatus]]] = {
    "Completed": frozenset({"Succeeded"}),
    "Failed": frozenset({"Failed"}),
    "Stopped": frozenset({"Stopped"}),
    "Any": frozenset({"Succeeded", "Failed", "Stopped"}),
}


def verdict(step: Step, waits_for: Iterable[str], records: Mapping[str, StepRecord]) -> Verdict:
    """What to do now about `step`, which has not started.

    It is skipped with its branch, with a step that it waits for, and when its trigger cannot fire any more. After a
    failure that it has no trigger for it waits: `resume` may yet let the failed step succeed.
    """
    before = list(waits_for)
    if any(records[name].status == "Skipped" for name in before):
        return "skip"
    for branch in step.branch:
        condition = records[branch.condition_step]
        if condition.status == "Succeeded" and condition.properties["Outcome"] != str(branch.taken):
            return "skip"
    triggers = {dependency.step: dependency.trigger for dependency in step.depends_on}
    found: Verdict = "start"
    for name in before:
        trigger, status = triggers.get(name, "Completed"), records[name].status
        if status in _FIRES[trigger]:
            continue
        if trigger != "Completed" and status in _FIRES["Any"]:
            return "skip"
        found = "wait"
    return found


def ran_on(steps: Iterable[Step], records: Mapping[str, StepRecord]) -> Collection[str]:
    """The steps that failed, or were stopped, and for that let another step run."""
    return {
        dependency.step
        for step in steps
        if records[step.name].status not in ("Pending", "Skipped")
        for dependency in step.depends_on
        if dependency.trigger != "Completed" and records[dependency.step].status in ("Failed", "Stopped")
    }
