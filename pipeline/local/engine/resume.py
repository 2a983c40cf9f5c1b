"""Continues an execution that failed, was stopped, or whose process died: its finished steps are kept."""

from __future__ import annotations

from dataclasses import replace

from pipeline.errors import UsageError
from pipeline.execution import ExecutionRecord, StepRecord
from pipeline.local.state.store import Store
from pipeline.spec.definition import Definition, parse_definition


def execution_to_resume(store: Store, execution_id: str | None) -> tuple[Definition, ExecutionRecord]:
    """The definition and the record with which the execution goes on; None: the newest.

    Steps that succeeded or were skipped stay as they are, the others wait to run (again). The definition is the one
    that was started, parameters and all: what changed in the project since does not count.

    Raises:
        UsageError: there is no such execution, it succeeded, or it is not one of the local engine's.
    """
    record = store.load_execution(execution_id)
    doing = f"Resuming execution {record.execution_id}"
    if record.status == "Succeeded":
        raise UsageError(
            f"{doing}: expected one that failed, was stopped, or whose process died. Received: one that succeeded. "
            "Start a new one with: python -m pipeline run"
        )
    if record.target != "local":
        raise UsageError(
            f"{doing}: expected one that ran in the local engine. Received: one of --target {record.target}, which "
            f"keeps no steps. Start a new one with: python -m pipeline run --target {record.target}"
        )
    steps = tuple(step if step.status in ("Succeeded", "Skipped") else _again(step) for step in record.steps)
    return parse_definition(store.definition_text(record.execution_id)), replace(
        record, status="Executing", ended_at=None, failure_reason=None, steps=steps
    )


def _again(step: StepRecord) -> StepRecord:
    """The step before its next attempt: the number of those it had is kept, as jobs are named after it."""
    return StepRecord(step.name, step.type, attempts=step.attempts)
