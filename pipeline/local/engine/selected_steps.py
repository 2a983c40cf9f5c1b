"""Selective execution: runs some steps of a pipeline on what the others left in an earlier execution.

As SageMaker documents it: the selected steps run; steps before them are not run again, their outputs come from the
reference execution; steps after them do not run; every step on a path between two selected ones has to be selected.
The steps in the branches of a selected Condition step are part of it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from graphlib import TopologicalSorter

from pipeline.errors import UsageError
from pipeline.execution import ExecutionRecord, StepRecord
from pipeline.spec.definition import Definition
from pipeline.spec.dependencies import dependencies

Names = frozenset[str]


def select_steps(
    definition: Definition, only: Sequence[str], source: ExecutionRecord
) -> tuple[StepRecord, ...]:
    """The steps of an execution of `definition` at its start, where those named in `only` are to run.

    Raises:
        UsageError: there is no such step, one between two selected ones is not selected, or `source` lacks the
            result of a step that is needed.
    """
    doing = f"Selecting steps to run on what execution {source.execution_id} left"
    _check_names(doing, definition, only)
    waits_for = dependencies(definition)
    selected = frozenset(only) | {
        step.name for step in definition.steps if any(branch.condition_step in only for branch in step.branch)
    }
    before = _ancestors(waits_for)
    between = [
        name
        for name in before
        if name not in selected
        and before[name] & selected
        and any(name in before[other] for other in selected)
    ]
    if between:
        raise UsageError(
            f"{doing}: --only leaves out {', '.join(between)}, between two selected steps. Add "
            f"{'it' if len(between) == 1 else 'them'}."
        )
    left = {step.name: step for step in source.steps if step.status == "Succeeded"}
    _check_needed(doing, definition, waits_for, selected, left)
    upstream = frozenset().union(*(before[name] for name in selected)) - selected
    return tuple(
        StepRecord(step.name, step.type)
        if step.name in selected
        else _reused(left[step.name], source)
        if step.name in upstream and step.name in left
        else StepRecord(step.name, step.type, "Skipped", left_out=True)
        for step in definition.steps
    )


def _check_names(doing: str, definition: Definition, only: Sequence[str]) -> None:
    names = [step.name for step in definition.steps]
    for name in only:
        if name not in names:
            import difflib

            near = difflib.get_close_matches(name, names, n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise UsageError(f"{doing}: there is no step {name} (--only), only {', '.join(names)}.{hint}")


def _check_needed(
    doing: str,
    definition: Definition,
    waits_for: Mapping[str, Names],
    selected: Collection[str],
    left: Mapping[str, StepRecord],
) -> None:
    """Refuse a selection that needs what the reference execution does not have."""
    problems = []
    for step in definition.steps:
        if step.name not in selected:
            continue
        for name in sorted(waits_for[step.name] - frozenset(selected)):
            if name not in left:
                problems.append(f"{step.name} needs {name}, which did not succeed there")
        problems += [
            f"{step.name} runs only when {each.step} ends as {each.trigger}, so {each.step} has to run too"
            for each in step.depends_on
            if each.trigger in ("Failed", "Stopped") and each.step not in selected
        ]
        for branch in step.branch:
            condition = left.get(branch.condition_step)
            if branch.condition_step not in selected and condition is not None:
                outcome = condition.properties["Outcome"]
                if outcome != str(branch.taken):
                    problems.append(
                        f"{step.name} is on a branch of {condition.name} that was not taken there"
                    )
    if problems:
        raise UsageError(
            f"{doing}: that execution lacks results that the selected steps need: "
            f"{'; '.join(dict.fromkeys(problems))}. Select those too, or name another execution: --from ID."
        )


def _ancestors(waits_for: Mapping[str, Names]) -> dict[str, Names]:
    """For every step, all steps that have to end before it starts."""
    found: dict[str, Names] = {}
    for name in TopologicalSorter(waits_for).static_order():
        found[name] = waits_for[name].union(*(found[before] for before in waits_for[name]))
    return found


def _reused(step: StepRecord, source: ExecutionRecord) -> StepRecord:
    return StepRecord(
        step.name,
        step.type,
        "Succeeded",
        cached=True,
        reused_from=step.reused_from or source.execution_id,
        properties=step.properties,
    )
