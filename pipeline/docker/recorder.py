"""The record of an execution in containers; as the local engine keeps its own: saved at each change, then shown."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from pipeline.execution import ExecutionRecord, ExecutionStatus, Observer, StepRecord
from pipeline.local.state import clock
from pipeline.local.state.ending import conclusion, cut_off
from pipeline.spec.definition import Definition
from pipeline.spec.graph import dependencies


class Recorder:
    """Turns what happens to the steps of `definition` into records. `record` is the execution as it stands."""

    def __init__(
        self,
        definition: Definition,
        record: ExecutionRecord,
        save: Callable[[ExecutionRecord], None],
        observer: Observer,
    ) -> None:
        self.record = record
        self._definition = definition
        self._waits_for = dependencies(definition)
        self._steps = {step.name: step for step in record.steps}
        self._save = save
        self._observer = observer
        self._clock: dict[str, float] = {}
        self._lock = threading.RLock()

    def begin(self) -> None:
        """Save the execution as it starts."""
        self._note("Executing")

    def start(self, name: str) -> None:
        """A step starts."""
        self._clock[name] = time.monotonic()
        self._change(name, status="Executing", started_at=clock.now(), attempts=1)

    def succeed(self, name: str, properties: Mapping[str, Any]) -> None:
        """A step ended well. A Condition step's end skips the steps of the branch that it did not take."""
        self._change(name, status="Succeeded", ended_at=self._end(name), properties=properties)
        while (skipped := self._next_to_skip()) is not None:
            self._change(skipped, status="Skipped")

    def fail(self, name: str, reason: str) -> None:
        """A step failed."""
        self._change(name, status="Failed", ended_at=self._end(name), failure_reason=reason)

    def stop(self, name: str) -> None:
        """A step was stopped."""
        self._change(name, status="Stopped", ended_at=self._end(name))

    def stopping(self) -> None:
        """The execution is to stop. From any thread."""
        with self._lock:
            if self.record.status == "Executing":
                self._note("Stopping")

    def conclude(self, stopping: bool) -> ExecutionRecord:
        """The execution has ended, by itself or because it was to stop."""
        status, reason = conclusion(self._steps.values(), stopping)
        self._note(status, ended_at=max(clock.now(), self.record.started_at), failure_reason=reason)
        return self.record

    def abandon(self, error: BaseException) -> None:
        """Something broke that is no step: what was running is Stopped, the execution Failed."""
        with self._lock:
            self.record = cut_off(self.record, "Failed", f"The execution broke off: {error!r}")
            # What broke may be the saving itself: its own error is on the way.
            with suppress(Exception):
                self._save(self.record)

    def _next_to_skip(self) -> str | None:
        """A pending step on a branch that was not taken, or that waits for a skipped step."""
        for step in self._definition.steps:
            if self._steps[step.name].status != "Pending":
                continue
            conditions = [(self._steps[branch.condition_step], branch.taken) for branch in step.branch]
            not_taken = any(
                condition.status == "Succeeded" and condition.properties["Outcome"] != str(taken)
                for condition, taken in conditions
            )
            before = (self._steps[name].status for name in self._waits_for[step.name])
            if not_taken or "Skipped" in before:
                return step.name
        return None

    def _end(self, name: str) -> float | None:
        """The time at which a step that ends now ended, whatever was done to the clock meanwhile."""
        started = self._steps[name].started_at
        return None if started is None else started + time.monotonic() - self._clock[name]

    def _change(self, name: str, **changes: Any) -> None:
        with self._lock:
            self._steps[name] = replace(self._steps[name], **changes)
            self._note(self.record.status)

    def _note(self, status: ExecutionStatus, **changes: Any) -> None:
        steps = tuple(self._steps.values())
        with self._lock:
            self.record = replace(self.record, status=status, steps=steps, **changes)
            self._save(self.record)
            self._observer.execution_changed(self.record)


def new_record(
    execution_id: str, pipeline_name: str, target: str, definition: Definition, values: Mapping[str, Any]
) -> ExecutionRecord:
    """The record of an execution in which nothing has happened yet."""
    return ExecutionRecord(
        execution_id=execution_id,
        pipeline_name=pipeline_name,
        target=target,
        status="Executing",
        parameters=dict(values),
        started_at=clock.now(),
        steps=tuple(StepRecord(step.name, step.type) for step in definition.steps),
    )
