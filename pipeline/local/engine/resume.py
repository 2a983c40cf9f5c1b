"""Continues an execution that failed, was stopped, or whose process died: its finished steps are kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from graphlib import TopologicalSorter

from pipeline.errors import UsageError
from pipeline.execution import ExecutionRecord, StepRecord
from pipeline.local.engine.for_each import ITEMS
from pipeline.local.engine.tuning.tuning_run import TUNED, has_ended
from pipeline.local.state.store import Store
from pipeline.spec.definition import Definition
from pipeline.spec.dependencies import dependencies
from pipeline.spec.for_each import every_request
from pipeline.spec.parsing import parse_definition


def execution_to_resume(store: Store, execution_id: str | None) -> tuple[Definition, ExecutionRecord]:
    """The definition and the record with which the execution goes on; None: the newest.

    Steps that succeeded or were skipped stay as they are, unless what they ran or were skipped on may end otherwise
    now; the others wait to run (again). The definition is the one that was started, parameters and all: what
    changed in the project since does not count.

    Raises:
        UsageError: there is no such execution, it succeeded, or it is not one of the local engine's.
    """
    record = store.load_execution(execution_id)
    if record.status == "Succeeded":
        raise UsageError(
            f"Cannot resume execution {record.execution_id}: it succeeded. Start a new one with: python -m "
            "pipeline run"
        )
    if not record.local:
        raise UsageError(
            f"Cannot resume execution {record.execution_id} here: it ran with --target {record.target}, "
            f"which keeps no steps. Start a new one with: python -m pipeline run --target {record.target}"
        )
    definition = parse_definition(store.definition_text(record.execution_id))
    steps = wait_again(definition, record.steps)
    return definition, replace(record, status="Executing", ended_at=None, failure_reason=None, steps=steps)


def wait_again(definition: Definition, steps: Sequence[StepRecord]) -> tuple[StepRecord, ...]:
    """The records of an execution that ended, as it goes on."""
    again = steps_to_run(definition, {step.name: step for step in steps})
    ended = {step.name for step in steps} - again
    waits_for = dependencies(definition)
    return tuple(
        _again(step, items_stay=waits_for.get(step.name, frozenset()) <= ended)
        if step.name in again
        else step
        for step in steps
    )


def steps_to_run(definition: Definition, records: Mapping[str, StepRecord]) -> set[str]:
    """The steps that wait to run, or to be skipped, again."""
    again = {
        name
        for name, step in records.items()
        if step.status not in ("Succeeded", "Skipped") and not _is_trial_that_stays(step, records)
    }
    every = tuple(every_request(definition))
    if any(dependency.trigger != "Completed" for step in every for dependency in step.depends_on):
        # What ran on a failure is not done once what failed runs again.
        waits_for = dependencies(definition)
        in_bodies = dependencies(replace(definition, steps=every))
        for name, record in records.items():
            if record.part_of is not None:
                body, dash, number = name.rpartition("-")
                waits_for[name] = (
                    frozenset(f"{other}{dash}{number}" for other in in_bodies[body]) & records.keys()
                )
        for name in TopologicalSorter(waits_for).static_order():
            if waits_for[name] & again and not records[name].left_out:
                again.add(name)
        # What a ForEach step's children did was for the items that it had.
        again |= {
            name
            for name, step in records.items()
            if step.part_of in again and waits_for[step.part_of] & again
        }
    return again


def _is_trial_that_stays(step: StepRecord, records: Mapping[str, StepRecord]) -> bool:
    search = records.get(step.part_of or "")
    return search is not None and search.type == "Tuning" and has_ended(step, search)


def _again(step: StepRecord, *, items_stay: bool) -> StepRecord:
    """The step before its next attempt: the number of those it had is kept, as jobs are named after it.

    So are the items of a ForEach step, unless what they come from runs again, too, and what a trial tunes.
    """
    kept = {ITEMS: step.properties[ITEMS]} if items_stay and ITEMS in step.properties else {}
    if step.part_of is not None and TUNED in step.properties:
        kept = {TUNED: step.properties[TUNED]}
    return StepRecord(step.name, step.type, attempts=step.attempts, part_of=step.part_of, properties=kept)
