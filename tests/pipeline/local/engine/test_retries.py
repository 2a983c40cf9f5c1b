"""How often and after which waits a step is tried again."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import replace

import pytest

from pipeline.errors import StepFailed
from pipeline.execution import ExecutionRecord, StepRecord
from pipeline.local.engine.retries import Retries
from pipeline.local.engine.scheduler import execute
from pipeline.local.jobs.faults import CAPACITY_ERROR, JOB_INTERNAL_ERROR, SERVICE_FAULT, THROTTLING
from pipeline.local.jobs.runner import JobCall, JobOutcome
from pipeline.spec.definition import Definition, Json, PropertyFile, RetryPolicy, Step

KILLED = RetryPolicy((JOB_INTERNAL_ERROR, CAPACITY_ERROR), 10, 3, max_attempts=3)


def delays(retries: Retries, fault: str | None, elapsed: float = 0) -> list[float]:
    found = []
    while (delay := retries.delay_before_next(fault, elapsed)) is not None:
        found.append(delay)
        assert len(found) < 50
    return found


def test_waits_grow_by_the_rate_until_the_attempts_are_used_up() -> None:
    assert delays(Retries([KILLED]), JOB_INTERNAL_ERROR) == [10, 30, 90]


def test_a_policy_counts_all_its_exception_types_together() -> None:
    retries = Retries([KILLED])
    assert retries.delay_before_next(JOB_INTERNAL_ERROR, 0) == 10
    assert delays(retries, CAPACITY_ERROR) == [30, 90]


def test_policies_count_apart_and_the_first_that_names_the_type_decides() -> None:
    retries = Retries(
        [KILLED, RetryPolicy((CAPACITY_ERROR,), max_attempts=20), RetryPolicy((THROTTLING,), 2, 1)]
    )
    assert delays(retries, CAPACITY_ERROR) == [10, 30, 90]
    assert delays(retries, THROTTLING) == [2, 2, 2, 2, 2]


def test_without_a_bound_there_are_five_attempts_more() -> None:
    assert delays(Retries([RetryPolicy((JOB_INTERNAL_ERROR,))]), JOB_INTERNAL_ERROR) == [1, 2, 4, 8, 16]


def test_an_expiry_counts_from_the_steps_start() -> None:
    retries = Retries([RetryPolicy((JOB_INTERNAL_ERROR,), 1, 1, expire_after_minutes=2)])
    assert [retries.delay_before_next(JOB_INTERNAL_ERROR, elapsed) for elapsed in (0, 119, 121)] == [
        1,
        1,
        None,
    ]


@pytest.mark.parametrize("fault", [SERVICE_FAULT, THROTTLING])
def test_what_pipelines_retries_by_itself_needs_no_policy(fault: str) -> None:
    assert delays(Retries([KILLED]), fault) == [1, 2, 4, 8, 16]


@pytest.mark.parametrize("fault", [None, JOB_INTERNAL_ERROR, CAPACITY_ERROR])
def test_nothing_else_is_retried_without_one(fault: str | None) -> None:
    assert delays(Retries([]), fault) == []


class Flaky:
    """A job that fails as told, attempt by attempt, and then succeeds."""

    def __init__(self, *failures: StepFailed) -> None:
        self.failures = list(failures)
        self.names: list[str] = []

    def __call__(self, call: JobCall) -> JobOutcome:
        self.names.append(call.name)
        if self.failures:
            raise self.failures.pop(0)
        return JobOutcome({"Name": call.name})

    def read_property_file(
        self, step: Step, property_file: PropertyFile, properties: Mapping[str, Json]
    ) -> Json:
        raise AssertionError

    def read_document(self, uri: str) -> Json:
        raise AssertionError


class Watcher:
    def __init__(self) -> None:
        self.attempts: list[int] = []
        self.lines: list[str] = []
        self.said = threading.Event()

    def execution_changed(self, execution: ExecutionRecord) -> None:
        self.attempts.append(execution.steps[0].attempts)

    def log_line(self, step: str, line: str) -> None:
        self.lines.append(f"{step}: {line}")
        self.said.set()


def run(
    jobs: Flaky, policy: RetryPolicy, stop: threading.Event | None = None, watcher: Watcher | None = None
) -> ExecutionRecord:
    step = Step("A", "Processing", {}, retry_policies=(policy,))
    return execute(
        Definition("2020-12-01", (), (step,), ""),
        {},
        run_job=jobs,
        execution={},
        record=ExecutionRecord(
            "abcdef123456",
            "test",
            "local",
            "Executing",
            {},
            time.time(),
            steps=(StepRecord("A", "Processing"),),
        ),
        save=lambda record: None,
        observer=watcher or Watcher(),
        stop=stop or threading.Event(),
    )


def killed() -> StepFailed:
    return StepFailed("killed by signal 9\nand more", fault=JOB_INTERNAL_ERROR)


def test_a_step_that_was_killed_runs_again_under_another_job_name() -> None:
    jobs, watcher = Flaky(killed(), killed()), Watcher()
    record = run(jobs, replace(KILLED, interval_seconds=0), watcher=watcher)
    assert record.status == "Succeeded"
    assert record.step("A").attempts == 3
    assert record.step("A").failure_reason is None
    assert len(set(jobs.names)) == 3
    assert sorted(set(watcher.attempts)) == [0, 1, 2, 3]
    assert watcher.lines[0] == (
        "A: attempt 1 failed (SageMaker.JOB_INTERNAL_ERROR): killed by signal 9. Trying again in 0 s"
    )


def test_the_last_failure_is_the_steps() -> None:
    jobs = Flaky(*(killed() for _ in range(4)), StepFailed("never reached"))
    record = run(jobs, replace(KILLED, interval_seconds=0))
    assert record.status == "Failed"
    assert len(jobs.names) == record.step("A").attempts == 4
    assert record.step("A").failure_reason == "killed by signal 9\nand more"


def test_a_scripts_own_error_ends_the_step_at_once() -> None:
    jobs = Flaky(StepFailed("exit status 1"))
    assert run(jobs, KILLED).status == "Failed"
    assert len(jobs.names) == 1


def test_a_stop_ends_the_wait_at_once() -> None:
    stop, watcher = threading.Event(), Watcher()

    def stop_when_it_waits() -> None:
        assert watcher.said.wait(20)
        stop.set()

    stopper = threading.Thread(target=stop_when_it_waits)
    stopper.start()
    began = time.monotonic()
    record = run(Flaky(killed()), replace(KILLED, interval_seconds=3600), stop, watcher)
    stopper.join()
    assert record.status == "Stopped"
    assert record.step("A").status == "Stopped"
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("never", [{"max_attempts": 0}, {"expire_after_minutes": 0}])
def test_zero_means_never(never: dict[str, int]) -> None:
    policy = RetryPolicy((SERVICE_FAULT,), **never)
    assert Retries([policy]).delay_before_next(SERVICE_FAULT, 0.1) is None
