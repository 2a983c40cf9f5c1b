"""The scheduler: executes a definition's steps, each as soon as what it waits for has ended.

As in SageMaker a failed step ends nothing but what waits for it: other branches go on, and the execution ends as
Failed when nothing is left to do, or as CompletedWithFailures when steps ran on what failed (readiness.py). Steps
that never became ready stay Pending; steps of a branch that was not taken, and what waits for them, are Skipped.

One thread decides (this module, in the caller's thread); each job runs in a thread of its own and reports through a
queue (running_jobs.py). What was decided and reported is in the record (live_record.py), which the children of
ForEach and Tuning steps join while it runs (children.py). A record that already has succeeded steps is continued:
they are kept as they are.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pipeline.errors import FashionError
from pipeline.execution import ExecutionRecord, Observer, StepStatus
from pipeline.local.engine.agenda import Agenda
from pipeline.local.engine.attempts import Again, End
from pipeline.local.engine.children import Children
from pipeline.local.engine.cores import available_cores, share_cores
from pipeline.local.engine.for_each import Loop, find_items
from pipeline.local.engine.live_record import LiveRecord
from pipeline.local.engine.readiness import ran_on, verdict
from pipeline.local.engine.running_jobs import RunningJobs
from pipeline.local.engine.scope import ExecutionScope
from pipeline.local.engine.stop_of_one import StopOf
from pipeline.local.engine.tuning.tuning_run import KeptSearches
from pipeline.local.jobs.runner import JobCall, JobOutcome, JobRunner, name_job
from pipeline.spec.conditions import holds
from pipeline.spec.definition import Definition, Json, Step
from pipeline.spec.dependencies import dependencies
from pipeline.spec.expressions import reads_execution, resolve
from pipeline.spec.step_types import STEP_TYPES
from pipeline.spec.vocabulary import JOB_NAME_VARIABLES

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
    say: Callable[[str, str], None] | None = None,
    max_parallel: int | None = None,
    cores: int | None = None,
    launcher: Callable[[str], str | None] = lambda step_type: None,
    kept: KeptSearches | None = None,
    stop_of: StopOf | None = None,
) -> ExecutionRecord:
    """Run `definition` to its end and return the final record; `save` gets every change before the observer.

    Args:
        parameters: every parameter's value.
        execution: the execution variables by name (PipelineExecutionId, …).
        record: the execution at its start, with a StepRecord for every step.
        stop: when it is set the running jobs are stopped and nothing more is started: the execution ends Stopped.
        say: adds a line to the log of the step named first; None: only tells the observer.
        max_parallel: the most jobs at once; None: what the definition says, else no limit.
        cores: the cores to share out; None: those of this process.
        launcher: what the record of a step says that runs its job, by the step's type.
        kept: what earlier executions and attempts left of the searches of Tuning steps.
        stop_of: what stops one step, by its name, and whatever `stop` does; None: they are stopped together.

    Raises:
        Exception: whatever `save`, the observer or a bug in a job's thread raised, after every job was stopped.
    """
    at_once = max_parallel or definition.parallelism
    waits_for = dependencies(definition)
    live = LiveRecord(record, save, observer)
    tell = say or observer.log_line
    agenda = Agenda(definition.steps, waits_for)
    shares = share_cores(definition, waits_for, cores or available_cores(), at_once)
    scope = ExecutionScope(definition, parameters, execution, live.steps, run_job)
    return _Engine(
        definition=definition,
        run_job=run_job,
        live=live,
        jobs=RunningJobs(tell, stop),
        stop=stop,
        stop_of=stop_of or (lambda name: stop),
        at_once=at_once,
        agenda=agenda,
        cores=shares,
        launcher=launcher,
        scope=scope,
        children=Children(live, agenda, scope, shares, at_once, kept, tell, stop),
    ).run()


@dataclass
class _Engine:
    """One execution while it runs. Only the thread that called `run` changes anything here."""

    definition: Definition
    run_job: JobRunner
    live: LiveRecord
    jobs: RunningJobs
    stop: threading.Event
    stop_of: StopOf
    at_once: int | None
    agenda: Agenda
    cores: dict[str, int]
    launcher: Callable[[str], str | None]
    scope: ExecutionScope
    children: Children

    def run(self) -> ExecutionRecord:
        """See execute."""
        try:
            self.live.note("Executing")
            self._start_ready()
            while self.jobs.steps:
                report = self.jobs.next_report(_POLL_SECONDS)
                if report is None:
                    if self.stop.is_set() and self.live.record.status == "Executing":
                        self.live.note("Stopping")
                    self.children.check_time()
                elif isinstance(report, Again):
                    self.live.change(report.step, attempts=report.attempt)
                else:
                    self._finish_job(report)
                    self._start_ready()
        except BaseException as error:
            # Something broke here, not in a step.
            self.jobs.stop_all()
            self.live.cut_off(error)
            raise
        return self.live.conclude(self.stop.is_set(), ran_on(self.definition.steps, self.live.steps))

    def _start_ready(self) -> None:
        """Start, decide or skip every step that is ready, until none is: a decided step can make others ready."""
        while not self.stop.is_set():
            if (step := self.agenda.to_look_at()) is not None:
                self._look_at(step)
            elif not self._full() and (step := self.agenda.to_start()) is not None:
                self._begin(step)
            elif not self._end_loops():
                return
        self._end_loops()

    def _look_at(self, step: Step) -> None:
        """Skip a pending step, decide it, or let it queue for its start, if it is time for that."""
        if self.live.steps[step.name].status != "Pending":
            return
        found = verdict(step, self.agenda.waits_for[step.name], self.live.steps)
        if found == "skip":
            self._end_step(step.name, "Skipped")
        elif found == "start" and STEP_TYPES[step.type].runs == "here":
            self._begin(step)
        elif found == "start":
            self.agenda.can_start(step)

    def _full(self) -> bool:
        return self.at_once is not None and len(self.jobs.steps) >= self.at_once

    def _begin(self, step: Step) -> None:
        """Start a job's thread, or decide a Condition or Fail step at once."""
        attempt = self.live.steps[step.name].attempts + 1
        launched = STEP_TYPES[step.type].runs in ("job", "function")
        self.live.begin(step.name, attempt, self.launcher(step.type) if launched else None)
        try:
            if step.type == "Condition":
                outcome = all(holds(condition, self.scope) for condition in step.arguments["Conditions"])
                self._end_step(step.name, "Succeeded", properties={"Outcome": str(outcome)})
                return
            if step.type == "ForEach":
                self.children.begin_loop(
                    Loop.of(step, find_items(step, self.live.steps[step.name], self.scope))
                )
                return
            arguments = self._resolve(step, attempt)
            if step.type == "Tuning":
                if (found := self.children.earlier(step, arguments)) is not None:
                    self._succeed(step.name, found)
                else:
                    self.children.begin_search(step, arguments)
                return
            step = replace(step, members=resolve(step.members, self.scope))
        except FashionError as error:
            self._end_step(step.name, "Failed", failure_reason=str(error))
            return
        if step.type == "Fail":
            self._end_step(step.name, "Failed", failure_reason=str(arguments.get("ErrorMessage", "")))
            return
        self._begin_job(step, arguments, attempt)

    def _end_loops(self) -> bool:
        """End each ForEach or Tuning step of which no child runs, nor may start any more; whether there was one."""
        stopping = self.stop.is_set()
        ended = self.agenda.end_loops(self.jobs.steps, stopping=stopping)
        for loop in ended:
            self._end_step(loop.step.name, **loop.end(self.live.steps, stopping=stopping))  # type: ignore[arg-type]
        return bool(ended)

    def _resolve(self, step: Step, attempt: int) -> Json:
        """The step's arguments, for the job that its attempt of this number starts."""
        job_name = name_job(self.live.record.execution_id, step.name, attempt)
        return resolve(step.arguments, self.scope.of_job(step.type, job_name))

    def _begin_job(self, step: Step, arguments: Mapping[str, Json], first_attempt: int) -> None:
        # Each attempt is a job with a name of its own.
        upstream = {
            self._name_in_definition(each.step): self.live.steps[each.step].properties
            for each in step.depends_on
        }
        named = reads_execution(step.arguments, JOB_NAME_VARIABLES.get(step.type))
        search = self.children.search_of(step.part_of)
        stop = self.stop_of(step.name) if search is None else search.stop_of(step.name)

        def log(line: str) -> None:
            self.live.observer.log_line(step.name, line)
            if search is not None:
                search.line(step.name, line)

        def run(attempt: int) -> JobOutcome:
            anew = named and attempt != first_attempt
            return self.run_job(
                JobCall(
                    step=step,
                    arguments=self._resolve(step, attempt) if anew else arguments,
                    name=name_job(self.live.record.execution_id, step.name, attempt),
                    cores=self.cores.get(step.name, 1),
                    log=log,
                    stop=stop,
                    upstream=upstream,
                )
            )

        self.jobs.start(step, run, first_attempt, stop)

    def _name_in_definition(self, name: str) -> str:
        """What a step is called there; of a child of a ForEach step, the step of its body."""
        return name if self.live.steps[name].part_of is None else name.rpartition("-")[0]

    def _finish_job(self, end: End) -> None:
        if end.bug is not None:
            raise end.bug
        record = self.live.steps[end.step]
        search = self.children.search_of(record.part_of)
        left = None
        if search is not None:
            job_name = name_job(self.live.record.execution_id, end.step, record.attempts)
            left = search.ended(record, job_name, end.outcome, end.reason)
        if end.outcome is not None:
            self._succeed(end.step, end.outcome)
        elif end.reason is not None:
            self._end_step(end.step, "Failed", failure_reason=end.reason, properties=left)
        else:
            self._end_step(end.step, "Stopped", properties=left)
        if search is not None:
            self.children.propose(search)

    def _succeed(self, name: str, outcome: JobOutcome) -> None:
        source = outcome.reused_from
        self._end_step(
            name,
            "Succeeded",
            properties=outcome.properties,
            cached=source is not None,
            launcher=None if source is not None else self.live.steps[name].launcher,
            reused_from=source,
        )

    def _end_step(self, name: str, status: StepStatus, **changes: Any) -> None:
        self.live.end(name, status, **changes)
        self.agenda.ended(name)
