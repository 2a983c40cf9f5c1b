"""What an execution ends as: by itself, when it is cut off, and when the process that ran it died."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from pipeline.execution import ExecutionRecord, ExecutionStatus, StepRecord
from pipeline.local.state import clock
from pipeline.local.state.store import Store

DIED = "The process that ran it ended before it was done (killed, or the machine went down). "
RESUMABLE = "What its steps finished is kept. Continue it with: python -m pipeline resume {execution_id}"
NOT_RESUMABLE = "Start a new one with: python -m pipeline run --target {target}"
_UNDER_WAY = ("Executing", "Stopping")  # of a step


def mark_interrupted(store: Store) -> None:
    """Write down the end of every execution that is said to be under way: for who holds the state folder alone."""
    for record in store.under_way():
        store.save_execution(as_it_is(record, None), store.definition_text(record.execution_id))


def conclusion(
    steps: Iterable[StepRecord], stopping: bool, ran_on: Collection[str] = ()
) -> tuple[ExecutionStatus, str | None]:
    """The status and the failure reason of an execution of which nothing runs any more.

    `ran_on`: the steps whose failure let another step run. Where that is so of every failure, the execution ends as
    CompletedWithFailures.
    """
    # A ForEach step says how its children ended.
    steps = tuple(step for step in steps if step.part_of is None)
    statuses = {step.status for step in steps}
    failed = [step for step in steps if step.status in ("Failed", "Stopped")]
    # A stop that came when nothing was left to stop changes nothing.
    unfinished = "Stopped" in statuses or ("Pending" in statuses and not failed)
    if stopping and unfinished:
        return "Stopped", None
    if failed:
        reasons = (
            f"Step {step.name} failed: {step.failure_reason}"
            if step.status == "Failed"
            else f"Step {step.name} was stopped."
            for step in failed
        )
        served = all(step.name in ran_on for step in failed)
        return "CompletedWithFailures" if served else "Failed", "\n".join(reasons)
    return "Succeeded", None


def cut_off(record: ExecutionRecord, status: ExecutionStatus, reason: str | None) -> ExecutionRecord:
    """`record` as it ends now, in the middle: what was under way is Stopped."""
    steps = tuple(
        replace(step, status="Stopped") if step.status in _UNDER_WAY else step for step in record.steps
    )
    ended = max(clock.now(), record.started_at)
    return replace(record, status=status, steps=steps, failure_reason=reason, ended_at=ended)


def is_under_way(record: ExecutionRecord) -> bool:
    """Whether the execution has not ended, as far as was written down."""
    return not record.ended


def as_it_is(record: ExecutionRecord, running: str | None) -> ExecutionRecord:
    """`record` as it was saved; Failed if it was under way and yet is not the execution `running`: that one died.

    When it died nobody wrote down, so it has no end.
    """
    if not is_under_way(record) or record.execution_id == running:
        return record
    next_step = RESUMABLE if record.local else NOT_RESUMABLE
    reason = DIED + next_step.format(execution_id=record.execution_id, target=record.target)
    return replace(cut_off(record, "Failed", reason), ended_at=None)
