"""The order in which steps run, what is skipped, how failures, stops and faults end an execution."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

import pytest

from pipeline.errors import StateError, StepFailed
from pipeline.execution import ExecutionRecord, StepRecord
from pipeline.local.engine.scheduler import execute
from pipeline.local.engine.tuning.tuning_run import KeptSearches
from pipeline.local.jobs.runner import JobCall, JobOutcome, JobRunner, StepStopped, name_job
from pipeline.spec.definition import Branch, Definition, Dependency, Json, PropertyFile, RetryPolicy, Step

Behaviour = Callable[[Mapping[str, Json], threading.Event], Mapping[str, Json]]


class FakeJobs:
    """Runs no processes: a step behaves as its entry in `behaviours` says, or succeeds at once.

    `log` holds ("start" or "end", step) in order; `requests` the arguments, name and cores of every job.
    """

    def __init__(self, behaviours: Mapping[str, Behaviour] | None = None) -> None:
        self.behaviours = dict(behaviours or {})
        self.log: list[tuple[str, str]] = []
        self.requests: dict[str, tuple[Mapping[str, Json], str, int]] = {}
        self.files: dict[str, Json] = {}
        self.files_read = 0
        self.running = 0
        self.most_running = 0
        self._lock = threading.Lock()

    def __call__(self, call: JobCall) -> JobOutcome:
        step = call.step
        with self._lock:
            self.log.append(("start", step.name))
            self.requests[step.name] = (call.arguments, call.name, call.cores)
            self.running += 1
            self.most_running = max(self.most_running, self.running)
        try:
            call.log(f"{step.name} runs")
            if step.name in self.behaviours:
                return JobOutcome(self.behaviours[step.name](call.arguments, call.stop))
            return JobOutcome({"Name": step.name})
        finally:
            with self._lock:
                self.running -= 1
                self.log.append(("end", step.name))

    def read_property_file(
        self, step: Step, property_file: PropertyFile, properties: Mapping[str, Json]
    ) -> Json:
        self.files_read += 1
        return self.files[property_file.name]

    def read_document(self, uri: str) -> Json:
        raise AssertionError("no expression reads one")

    @property
    def started(self) -> list[str]:
        return [step for what, step in self.log if what == "start"]


class Watcher:
    """An observer and a `save` that remember what they were told."""

    def __init__(self) -> None:
        self.saved: list[ExecutionRecord] = []
        self.observed: list[ExecutionRecord] = []
        self.lines: list[tuple[str, str]] = []

    def save(self, record: ExecutionRecord) -> None:
        self.saved.append(record)

    def execution_changed(self, execution: ExecutionRecord) -> None:
        assert self.saved[-1] == execution, "a change is saved before it is shown"
        self.observed.append(execution)

    def log_line(self, step: str, line: str) -> None:
        self.lines.append((step, line))


def after_all(names: Iterable[str | Dependency]) -> tuple[Dependency, ...]:
    return tuple(each if isinstance(each, Dependency) else Dependency(each) for each in names)


def job(
    name: str,
    *after: str | Dependency,
    type: str = "Processing",
    branch: Iterable[Branch] = (),
    **arguments: Json,
) -> Step:
    return Step(name, type, arguments, depends_on=after_all(after), branch=tuple(branch))


def condition(name: str, left: Json, right: Json, *after: str, branch: Iterable[Branch] = ()) -> Step:
    entry = {"Type": "Equals", "LeftValue": left, "RightValue": right}
    return Step(name, "Condition", {"Conditions": [entry]}, depends_on=after_all(after), branch=tuple(branch))


def define(*steps: Step, parallelism: int | None = None) -> Definition:
    return Definition("2020-12-01", (), steps, "", parallelism=parallelism)


def run(
    definition: Definition,
    jobs: JobRunner,
    *,
    parameters: Mapping[str, Json] | None = None,
    watcher: Watcher | None = None,
    stop: threading.Event | None = None,
    done: Mapping[str, StepRecord] | None = None,
    max_parallel: int | None = None,
    cores: int | None = None,
    listed: Definition | None = None,
    kept: KeptSearches | None = None,
) -> ExecutionRecord:
    """`done`: records of an execution that goes on; its steps are those of `listed`, if that is given."""
    watcher = watcher or Watcher()
    record = ExecutionRecord(
        execution_id="abcdef123456",
        pipeline_name="test",
        target="local",
        status="Executing",
        parameters=parameters or {},
        started_at=time.time(),
        steps=tuple(
            (done or {}).get(step.name, StepRecord(step.name, step.type))
            for step in (listed or definition).steps
        ),
    )
    return execute(
        definition,
        parameters or {},
        run_job=jobs,
        execution={"PipelineExecutionId": "abcdef123456"},
        record=record,
        save=watcher.save,
        observer=watcher,
        stop=stop or threading.Event(),
        max_parallel=max_parallel,
        cores=cores,
        kept=kept,
    )


def statuses(record: ExecutionRecord) -> dict[str, str]:
    return {step.name: step.status for step in record.steps}


def fail(message: str) -> Behaviour:
    def behave(arguments: Mapping[str, Json], stop: threading.Event) -> Mapping[str, Json]:
        raise StepFailed(message)

    return behave


def wait_for_stop(arguments: Mapping[str, Json], stop: threading.Event) -> Mapping[str, Json]:
    assert stop.wait(20), "nobody stopped this job"
    raise StepStopped


def test_steps_run_in_the_order_of_what_they_wait_for() -> None:
    # In the definition they stand the other way round.
    definition = define(
        job("C", Input={"Get": "Steps.B.Name"}),
        job("B", "A"),
        job("A"),
    )
    jobs = FakeJobs()
    record = run(definition, jobs)
    assert record.status == "Succeeded"
    assert jobs.log == [(what, step) for step in "ABC" for what in ("start", "end")]
    assert [step.name for step in record.steps] == ["C", "B", "A"]


def test_arguments_are_resolved_from_parameters_the_execution_and_earlier_steps() -> None:
    jobs = FakeJobs({"A": lambda arguments, stop: {"Artifacts": {"Uri": "s3://b/a"}}})
    text = {
        "Std:Join": {
            "On": "/",
            "Values": [
                {"Get": "Steps.A.Artifacts.Uri"},
                {"Get": "Parameters.P"},
                {"Get": "Execution.PipelineExecutionId"},
            ],
        }
    }
    run(define(job("A"), job("B", Input=text)), jobs, parameters={"P": 3})
    assert jobs.requests["B"][0] == {"Input": "s3://b/a/3/abcdef123456"}


def test_ready_steps_run_side_by_side() -> None:
    # Each of the three returns only when all three are running.
    together = threading.Barrier(3, timeout=20)

    def meet(arguments: Mapping[str, Json], stop: threading.Event) -> Mapping[str, Json]:
        together.wait()
        return {}

    record = run(define(job("A"), job("B"), job("C")), FakeJobs(dict.fromkeys("ABC", meet)), cores=2)
    assert record.status == "Succeeded"


@pytest.mark.parametrize("given", ["argument", "definition"])
def test_no_more_jobs_run_at_once_than_allowed(given: str) -> None:
    def nap(arguments: Mapping[str, Json], stop: threading.Event) -> Mapping[str, Json]:
        time.sleep(0.02)
        return {}

    steps = [job(name) for name in "ABCDEF"]
    jobs = FakeJobs(dict.fromkeys("ABCDEF", nap))
    if given == "argument":
        record = run(define(*steps), jobs, max_parallel=2)
    else:
        record = run(define(*steps, parallelism=2), jobs)
    assert record.status == "Succeeded"
    assert jobs.most_running <= 2
    assert jobs.started == list("ABCDEF")


def test_a_condition_is_decided_even_when_no_job_may_start() -> None:
    decided = threading.Event()

    def outlast_the_condition(arguments: Mapping[str, Json], stop: threading.Event) -> Mapping[str, Json]:
        assert decided.wait(20)
        return {}

    class Decision(Watcher):
        def execution_changed(self, execution: ExecutionRecord) -> None:
            if execution.step("If").status == "Succeeded":
                decided.set()

    jobs = FakeJobs({"A": outlast_the_condition})
    record = run(define(job("A"), condition("If", 1, 1)), jobs, max_parallel=1, watcher=Decision())
    assert record.status == "Succeeded"


def test_a_failed_step_leaves_other_branches_running() -> None:
    jobs = FakeJobs({"Bad": fail("exit status 1: no data")})
    record = run(define(job("Bad"), job("AfterBad", "Bad"), job("Good"), job("AfterGood", "Good")), jobs)
    assert record.status == "Failed"
    assert record.failure_reason == "Step Bad failed: exit status 1: no data"
    assert statuses(record) == {
        "Bad": "Failed",
        "AfterBad": "Pending",
        "Good": "Succeeded",
        "AfterGood": "Succeeded",
    }
    assert record.step("Bad").failure_reason == "exit status 1: no data"


def test_every_failure_is_in_the_reason() -> None:
    record = run(define(job("A"), job("B")), FakeJobs({"A": fail("first"), "B": fail("second")}))
    assert record.failure_reason == "Step A failed: first\nStep B failed: second"


@pytest.mark.parametrize(("value", "ran", "skipped"), [(1, "Then", "Else"), (2, "Else", "Then")])
def test_a_condition_runs_one_branch_and_skips_the_other_with_what_hangs_on_it(
    value: int, ran: str, skipped: str
) -> None:
    definition = define(
        condition("If", {"Get": "Parameters.P"}, 1),
        job("Then", branch=[Branch("If", True)]),
        job("AfterThen", "Then"),
        job("Else", branch=[Branch("If", False)]),
        job("AfterElse", Input={"Get": "Steps.Else.Name"}),
        job("AfterIf", "If"),
    )
    jobs = FakeJobs()
    record = run(definition, jobs, parameters={"P": value})
    assert record.status == "Succeeded"
    assert statuses(record) == {
        "If": "Succeeded",
        ran: "Succeeded",
        f"After{ran}": "Succeeded",
        skipped: "Skipped",
        f"After{skipped}": "Skipped",
        "AfterIf": "Succeeded",
    }
    assert record.step("If").properties == {"Outcome": str(value == 1)}
    assert skipped not in jobs.started


def test_a_condition_within_a_branch_that_is_not_taken_is_skipped_with_both_its_branches() -> None:
    outer = Branch("Outer", True)
    definition = define(
        condition("Outer", 1, 2),
        condition("Inner", 1, 1, branch=[outer]),
        job("InnerThen", branch=[outer, Branch("Inner", True)]),
        job("InnerElse", branch=[outer, Branch("Inner", False)]),
    )
    record = run(definition, FakeJobs())
    assert set(statuses(record).values()) == {"Succeeded", "Skipped"}
    assert (
        statuses(record)["Inner"]
        == statuses(record)["InnerThen"]
        == statuses(record)["InnerElse"]
        == "Skipped"
    )


def test_a_condition_behind_a_failed_step_is_never_decided() -> None:
    definition = define(job("A"), condition("If", 1, 1, "A"), job("Then", branch=[Branch("If", True)]))
    record = run(definition, FakeJobs({"A": fail("no")}))
    assert statuses(record) == {"A": "Failed", "If": "Pending", "Then": "Pending"}


def test_a_fail_step_fails_the_execution_with_its_message() -> None:
    message = {"Std:Join": {"On": "", "Values": ["below ", {"Get": "Parameters.Min"}]}}
    definition = define(
        condition("Gate", 1, 2),
        Step("Missed", "Fail", {"ErrorMessage": message}, branch=(Branch("Gate", False),)),
    )
    record = run(definition, FakeJobs(), parameters={"Min": 0.9})
    assert record.status == "Failed"
    assert record.step("Missed").failure_reason == "below 0.9"
    assert record.failure_reason == "Step Missed failed: below 0.9"


def test_a_property_file_is_read_once() -> None:
    value = {"Std:JsonGet": {"PropertyFile": {"Get": "Steps.A.PropertyFiles.F"}, "Path": "x"}}
    files = (PropertyFile("F", "out", "f.json"),)
    definition = define(
        Step("A", "Processing", {}, property_files=files),
        condition("One", value, 5),
        condition("Two", value, 6),
    )
    jobs = FakeJobs()
    jobs.files["F"] = {"x": 5}
    record = run(definition, jobs)
    assert record.step("One").properties["Outcome"] == "True"
    assert record.step("Two").properties["Outcome"] == "False"
    assert jobs.files_read == 1


def test_an_expression_that_names_nothing_fails_its_step() -> None:
    record = run(define(job("A"), job("B", Input={"Get": "Steps.A.Missing"})), FakeJobs())
    assert statuses(record) == {"A": "Succeeded", "B": "Failed"}
    assert "Missing" in str(record.failure_reason)


def test_a_stop_ends_running_jobs_and_starts_nothing_more() -> None:
    stop = threading.Event()

    class StopWhenRunning(Watcher):
        def log_line(self, step: str, line: str) -> None:
            stop.set()

    watcher = StopWhenRunning()
    record = run(define(job("A"), job("B", "A")), FakeJobs({"A": wait_for_stop}), stop=stop, watcher=watcher)
    assert record.status == "Stopped"
    assert record.failure_reason is None
    assert statuses(record) == {"A": "Stopped", "B": "Pending"}
    assert record.step("A").ended_at is not None


def test_stopping_shows_while_jobs_take_their_time() -> None:
    stop = threading.Event()
    shown = threading.Event()

    class Shown(Watcher):
        def execution_changed(self, execution: ExecutionRecord) -> None:
            if execution.status == "Stopping":
                shown.set()

    def linger(arguments: Mapping[str, Json], stop: threading.Event) -> Mapping[str, Json]:
        stop.set()
        assert shown.wait(20)
        raise StepStopped

    assert run(define(job("A")), FakeJobs({"A": linger}), stop=stop, watcher=Shown()).status == "Stopped"


def test_a_stop_before_the_start_runs_nothing() -> None:
    stop = threading.Event()
    stop.set()
    jobs = FakeJobs()
    assert run(define(job("A")), jobs, stop=stop).status == "Stopped"
    assert jobs.started == []


def test_a_stop_that_comes_too_late_changes_nothing() -> None:
    def finish_while_stopped(arguments: Mapping[str, Json], stop: threading.Event) -> Mapping[str, Json]:
        stop.set()
        return {}

    assert run(define(job("A")), FakeJobs({"A": finish_while_stopped})).status == "Succeeded"


def test_steps_that_succeeded_before_are_kept() -> None:
    earlier = StepRecord(
        "A", "Processing", "Succeeded", started_at=1.0, ended_at=2.0, attempts=1, properties={"Name": "kept"}
    )
    again = StepRecord("B", "Processing", "Pending", attempts=1)
    jobs = FakeJobs()
    record = run(
        define(job("A"), job("B", Input={"Get": "Steps.A.Name"})), jobs, done={"A": earlier, "B": again}
    )
    assert jobs.started == ["B"]
    assert jobs.requests["B"][0] == {"Input": "kept"}
    assert record.step("A") == earlier
    assert record.step("B").attempts == 2


def test_another_attempt_has_another_job_name() -> None:
    names = []
    for attempts in (0, 0, 1):
        jobs = FakeJobs()
        run(define(job("A")), jobs, done={"A": StepRecord("A", "Processing", attempts=attempts)})
        names.append(jobs.requests["A"][1])
    assert names[0] == names[1] != names[2]


def test_every_attempt_sees_its_own_jobs_name() -> None:
    seen = []

    def throttled_once(arguments: Mapping[str, Json], stop: threading.Event) -> Mapping[str, Json]:
        seen.append(arguments)
        if len(seen) == 1:
            raise StepFailed("busy", fault="Step.THROTTLING")
        return {}

    jobs = FakeJobs({"A": throttled_once})
    name = {"Get": "Execution.TrainingJobName"}
    step = job("A", type="Training", HyperParameters={"job": name}, Again=name)
    retry = RetryPolicy(("Step.THROTTLING",), interval_seconds=0.0, max_attempts=1)
    record = run(define(replace(step, retry_policies=(retry,))), jobs)

    assert record.status == "Succeeded"
    assert [each["HyperParameters"]["job"] for each in seen] == [
        name_job("abcdef123456", "A", attempt) for attempt in (1, 2)
    ]
    assert seen[1]["Again"] == jobs.requests["A"][1]


def test_times_are_recorded() -> None:
    def nap(arguments: Mapping[str, Json], stop: threading.Event) -> Mapping[str, Json]:
        time.sleep(0.05)
        return {}

    before = time.time()
    record = run(define(job("A")), FakeJobs({"A": nap}))
    step = record.step("A")
    assert step.started_at is not None
    assert before <= step.started_at
    assert step.seconds is not None
    assert 0.05 <= step.seconds < 10
    assert record.ended_at is not None
    assert record.ended_at >= step.started_at + step.seconds - 0.01


def test_lines_of_a_job_reach_the_observer_under_the_steps_name() -> None:
    watcher = Watcher()
    run(define(job("A")), FakeJobs(), watcher=watcher)
    assert watcher.lines == [("A", "A runs")]


def test_every_change_is_saved_before_it_is_shown() -> None:
    watcher = Watcher()
    record = run(define(job("A"), job("B", "A")), FakeJobs(), watcher=watcher)
    assert watcher.saved == watcher.observed
    assert watcher.saved[-1] == record
    seen = [(step.name, step.status) for record in watcher.saved for step in record.steps]
    for status in ("Pending", "Executing", "Succeeded"):
        assert ("B", status) in seen


def test_a_bug_in_a_jobs_thread_stops_the_others_and_is_raised() -> None:
    def bug(arguments: Mapping[str, Json], stop: threading.Event) -> Mapping[str, Json]:
        raise ZeroDivisionError("bug")

    watcher = Watcher()
    jobs = FakeJobs({"A": wait_for_stop, "B": bug})
    with pytest.raises(ZeroDivisionError, match="bug"):
        run(define(job("A"), job("B")), jobs, watcher=watcher)
    assert jobs.running == 0
    assert watcher.saved[-1].status == "Failed"
    assert "Executing" not in statuses(watcher.saved[-1]).values()
    assert "ZeroDivisionError" in str(watcher.saved[-1].failure_reason)


@pytest.mark.parametrize("error", [StateError("disk full"), KeyboardInterrupt()])
def test_when_a_change_cannot_be_saved_the_jobs_are_stopped_and_the_error_is_raised(
    error: BaseException,
) -> None:
    class Full(Watcher):
        def save(self, record: ExecutionRecord) -> None:
            super().save(record)
            if record.step("B").status == "Succeeded" and record.status == "Executing":
                raise error

    jobs = FakeJobs({"A": wait_for_stop})
    watcher = Full()
    with pytest.raises(type(error)):
        run(define(job("A"), job("B")), jobs, watcher=watcher)
    assert jobs.running == 0
    assert watcher.saved[-1].status == ("Stopped" if isinstance(error, KeyboardInterrupt) else "Failed")


def test_a_definition_without_steps_succeeds() -> None:
    assert run(define(), FakeJobs()).status == "Succeeded"


def test_the_record_given_is_not_changed() -> None:
    before = StepRecord("A", "Processing")
    run(define(job("A")), FakeJobs(), done={"A": before})
    assert before == replace(before, status="Pending")
