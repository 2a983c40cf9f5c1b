"""The record of an execution while it runs: every change of a step is saved, and then shown."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace

from pipeline.execution import ExecutionRecord, ExecutionStatus, Observer, StepRecord, StepStatus
from pipeline.local.state import clock
from pipeline.local.state.ending import conclusion, cut_off
from pipeline.spec.definition import Json


@dataclass
class LiveRecord:
    """`record`, and its steps by name. `save` gets every change before the observer.

    Only the thread that decides changes anything here.
    """

    record: ExecutionRecord
    save: Callable[[ExecutionRecord], None]
    observer: Observer
    steps: dict[str, StepRecord] = field(init=False)
    # The names of the steps, as the record lists them.
    _order: list[str] = field(init=False)
    _began: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Take the steps from the record."""
        self.steps = {step.name: step for step in self.record.steps}
        self._order = list(self.steps)

    def note(self, status: ExecutionStatus, **changes: object) -> None:
        """Give the execution a status, and what else changed of it."""
        steps = tuple(map(self.steps.__getitem__, self._order))
        self.record = replace(self.record, status=status, steps=steps, **changes)  # type: ignore[arg-type]
        self.save(self.record)
        self.observer.execution_changed(self.record)

    def change(self, name: str, **changes: object) -> None:
        """Change what is known of a step."""
        self.steps[name] = replace(self.steps[name], **changes)  # type: ignore[arg-type]
        self.note(self.record.status)

    def begin(self, name: str, attempt: int, launcher: str | None) -> None:
        """Let a step be executing, by its attempt of this number."""
        self._began[name] = time.monotonic()
        self.change(
            name,
            status="Executing",
            started_at=clock.now(),
            attempts=attempt,
            failure_reason=None,
            launcher=launcher,
        )

    def end(
        self,
        name: str,
        status: StepStatus,
        *,
        properties: Mapping[str, Json] | None = None,
        **changes: object,
    ) -> None:
        """Let a step have ended."""
        started = self.steps[name].started_at
        # By the monotonic clock: a clock that is set meanwhile must not make a step end before it began.
        ended = None if started is None else started + time.monotonic() - self._began[name]
        self.change(
            name,
            status=status,
            ended_at=ended,
            properties=self.steps[name].properties if properties is None else properties,
            **changes,
        )

    def put_after(self, name: str, children: Mapping[str, StepRecord]) -> None:
        """List the children of a ForEach step after it, in place of those that it had."""
        self.steps |= children
        others = [other for other in self._order if self.steps[other].part_of != name]
        place = others.index(name) + 1
        self._order = [*others[:place], *children, *others[place:]]

    def conclude(self, stopped: bool, ran_on: Collection[str]) -> ExecutionRecord:
        """End the execution, whose steps `ran_on` ran on what failed; the final record."""
        status, reason = conclusion(self.record.steps, stopped, ran_on)
        self.note(status, ended_at=max(clock.now(), self.record.started_at), failure_reason=reason)
        return self.record

    def cut_off(self, error: BaseException) -> None:
        """Leave a record that says what broke the engine, if that can be."""
        interrupted = isinstance(error, KeyboardInterrupt)
        self.record = cut_off(
            self.record,
            "Stopped" if interrupted else "Failed",
            None if interrupted else f"The engine failed: {error!r}",
        )
        # What broke may be the saving itself: its own error is on the way.
        with suppress(Exception):
            self.save(self.record)
