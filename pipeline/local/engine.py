"""The scheduler: executes a definition's steps, each as soon as what it waits for has ended.

As in SageMaker a failed step ends nothing but what waits for it: other branches go on, and the execution ends as
Failed when nothing is left to do. Steps that never became ready stay Pending; steps of a branch that was not taken,
and what waits for them, are Skipped.

One thread decides (this module, in the caller's thread); each job runs in a thread of its own and reports its end
through a queue. A record that already has succeeded steps is continued: they are kept as they are.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from pipeline.errors import FashionError
from pipeline.execution import ExecutionRecord, ExecutionStatus, Observer, StepStatus
from pipeline.local.conditions import holds
from pipeline.local.cores import JOB_TYPES, available_cores, share_cores
from pipeline.local.definition import Definition, Json, Step
from pipeline.local.expressions import resolve
from pipeline.local.graph import dependencies
from pipeline.local.runner import JobOutcome, JobRunner, StepStopped, name_job
from pipeline.local.scope import ExecutionScope

_POLL_SECONDS = 0.1


def execute(
    definition: Definition,
    parameters: Mapping[str, Json],
    *,
    run_job: JobRunner,
    execution: Mapping[str, str],
    record: ExecutionRecord,
    save: Callable[[ExecutionRecord], None],
    observer: Observer,
    stop: threading.Event,
    max_parallel: int | None = None,
    cores: int | None = None,
) -> ExecutionRecord:
    """Run `definition` to its end and return the final record; `save` gets every change before the observer.

    Args:
        parameters: every parameter's value.
        execution: the execution variables by name (PipelineExecutionId, …).
        record: the execution at its start, with a StepRecord for every step.
        stop: when it is set the running jobs are stopped and nothing more is started: the execution ends Stopped.
        max_parallel: the most jobs at once; None: what the definition says, else no limit.
        cores: the cores to share out; None: those of this process.

    Raises:
        Exception: whatever `save`, the observer or a bug in a job's thread raised, after every job was stopped.
    """
    engine = _Engine(
        definition, parameters, run_job, execution, record, save, observer, stop, max_parallel, cores
    )
    return engine.run()


@dataclass(frozen=True)
class _End:
    """How a job's thread ended: exactly one of the fields after `step` is set, none of them if it was stopped."""

    step: str
    outcome: JobOutcome | None = None
    reason: str | None = None
    bug: BaseException | None = None


class _Engine:
    def __init__(
        self,
        definition: Definition,
        parameters: Mapping[str, Json],
        run_job: JobRunner,
        execution: Mapping[str, str],
        record: ExecutionRecord,
        save: Callable[[ExecutionRecord], None],
        observer: Observer,
        stop: threading.Event,
        max_parallel: int | None,
        cores: int | None,
    ) -> None:
        self._definition = definition
        self._run_job = run_job
        self._record = record
        self._save = save
        self._observer = observer
        self._stop = stop
        self._at_once = max_parallel or definition.parallelism
        self._waits_for = dependencies(definition)
        self._cores = share_cores(definition, self._waits_for, cores or available_cores(), self._at_once)
        self._steps = {step.name: step for step in record.steps}
        self._scope = ExecutionScope(definition, parameters, execution, self._steps, run_job)
        self._clock: dict[str, float] = {}
        self._threads: dict[str, threading.Thread] = {}
        self._ended: queue.SimpleQueue[_End] = queue.SimpleQueue()

    def run(self) -> ExecutionRecord:
        """See execute."""
        try:
            self._note("Executing")
            self._start_ready()
            while self._threads:
                try:
                    end = self._ended.get(timeout=_POLL_SECONDS)
                except queue.Empty:
                    if self._stop.is_set() and self._record.status == "Executing":
                        self._note("Stopping")
                    continue
                self._finish_job(end)
                self._start_ready()
        except BaseException:
            self._abandon()
            raise
        return self._conclude()

    def _start_ready(self) -> None:
        """Start, decide or skip every step that is ready, until none is: a decided step can make others ready."""
        progress = True
        while progress:
            progress = False
            for step in self._definition.steps:
                if self._steps[step.name].status != "Pending" or self._stop.is_set():
                    continue
                verdict = self._verdict(step)
                if verdict == "skip":
                    self._end_step(step.name, "Skipped")
                elif verdict == "wait" or (step.type in JOB_TYPES and self._full()):
                    continue
                else:
                    self._begin(step)
                progress = True

    def _verdict(self, step: Step) -> str:
        """What to do about a pending step now: "start" it, "skip" it, or "wait"."""
        before = [self._steps[name] for name in self._waits_for[step.name]]
        if any(other.status == "Skipped" for other in before):
            return "skip"
        for branch in step.branch:
            condition = self._steps[branch.condition_step]
            if condition.status == "Succeeded" and condition.properties["Outcome"] != str(branch.taken):
                return "skip"
        return "start" if all(other.status == "Succeeded" for other in before) else "wait"

    def _full(self) -> bool:
        return self._at_once is not None and len(self._threads) >= self._at_once

    def _begin(self, step: Step) -> None:
        """Start a job's thread, or decide a Condition or Fail step at once."""
        attempt = self._steps[step.name].attempts + 1
        self._clock[step.name] = time.monotonic()
        self._change(
            step.name, status="Executing", started_at=time.time(), attempts=attempt, failure_reason=None
        )
        try:
            if step.type == "Condition":
                outcome = all(holds(condition, self._scope) for condition in step.arguments["Conditions"])
                self._end_step(step.name, "Succeeded", properties={"Outcome": str(outcome)})
                return
            arguments = resolve(step.arguments, self._scope)
        except FashionError as error:
            self._end_step(step.name, "Failed", failure_reason=str(error))
            return
        if step.type == "Fail":
            self._end_step(step.name, "Failed", failure_reason=str(arguments.get("ErrorMessage", "")))
            return
        name = name_job(self._record.execution_id, step.name, attempt)
        thread = threading.Thread(target=self._run_step, args=(step, arguments, name), name=step.name)
        self._threads[step.name] = thread
        thread.start()

    def _run_step(self, step: Step, arguments: Mapping[str, Json], job_name: str) -> None:
        """In the job's own thread."""

        def log(line: str) -> None:
            self._observer.log_line(step.name, line)

        try:
            outcome = self._run_job(step, arguments, job_name, self._cores[step.name], log, self._stop)
        except StepStopped:
            self._ended.put(_End(step.name))
        except FashionError as error:
            self._ended.put(_End(step.name, reason=str(error)))
        except BaseException as error:
            self._ended.put(_End(step.name, bug=error))
        else:
            self._ended.put(_End(step.name, outcome=outcome))

    def _finish_job(self, end: _End) -> None:
        self._threads.pop(end.step).join()
        if end.bug is not None:
            raise end.bug
        if end.outcome is not None:
            self._end_step(end.step, "Succeeded", properties=end.outcome.properties)
        elif end.reason is not None:
            self._end_step(end.step, "Failed", failure_reason=end.reason)
        else:
            self._end_step(end.step, "Stopped")

    def _end_step(
        self,
        name: str,
        status: StepStatus,
        *,
        properties: Mapping[str, Json] | None = None,
        failure_reason: str | None = None,
    ) -> None:
        started = self._steps[name].started_at
        # By the monotonic clock: a clock that is set meanwhile must not make a step end before it began.
        ended = None if started is None else started + time.monotonic() - self._clock[name]
        self._change(
            name,
            status=status,
            ended_at=ended,
            failure_reason=failure_reason,
            properties=self._steps[name].properties if properties is None else properties,
        )

    def _change(self, name: str, **changes: object) -> None:
        self._steps[name] = replace(self._steps[name], **changes)  # type: ignore[arg-type]
        self._note(self._record.status)

    def _note(self, status: ExecutionStatus, **changes: object) -> None:
        steps = tuple(self._steps.values())
        self._record = replace(self._record, status=status, steps=steps, **changes)  # type: ignore[arg-type]
        self._save(self._record)
        self._observer.execution_changed(self._record)

    def _conclude(self) -> ExecutionRecord:
        statuses = {step.status for step in self._steps.values()}
        failed = [step for step in self._steps.values() if step.status == "Failed"]
        # A stop that came when nothing was left to stop changes nothing.
        unfinished = "Stopped" in statuses or ("Pending" in statuses and not failed)
        if self._stop.is_set() and unfinished:
            self._finish("Stopped", None)
        elif failed:
            self._finish(
                "Failed", "\n".join(f"Step {step.name} failed: {step.failure_reason}" for step in failed)
            )
        else:
            self._finish("Succeeded", None)
        return self._record

    def _finish(self, status: ExecutionStatus, reason: str | None) -> None:
        self._note(status, ended_at=max(time.time(), self._record.started_at), failure_reason=reason)

    def _abandon(self) -> None:
        """Something broke here, not in a step: stop every job, and leave a record that says so if that can be."""
        self._stop.set()
        for thread in self._threads.values():
            thread.join()
        for name in self._threads:
            self._steps[name] = replace(self._steps[name], status="Stopped")
        reason = "The engine was interrupted or failed; see its message."
        self._record = replace(
            self._record,
            status="Failed",
            steps=tuple(self._steps.values()),
            failure_reason=reason,
            ended_at=max(time.time(), self._record.started_at),
        )
        try:
            self._save(self._record)
        except Exception:
            return  # What broke may be the saving itself; its own error is on the way.
