"""Steps that run on an end of the step before that they chose: a failure, a stop, any end."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import replace

import pytest

from pipeline.errors import UsageError
from pipeline.execution import ExecutionRecord, StepRecord
from pipeline.local.engine.resume import steps_to_run
from pipeline.local.engine.selected_steps import select_steps
from pipeline.local.jobs.runner import StepStopped
from pipeline.spec.definition import Branch, Definition, Dependency, Json, Step, Trigger
from tests.pipeline.local.engine.test_scheduler import (
    Behaviour,
    FakeJobs,
    condition,
    define,
    fail,
    job,
    run,
    statuses,
)


def on(step: str, trigger: Trigger) -> Dependency:
    return Dependency(step, trigger)


def stopped(arguments: Mapping[str, Json], stop: threading.Event) -> Mapping[str, Json]:
    raise StepStopped


ENDS: Mapping[str, Mapping[str, Behaviour]] = {
    "Succeeded": {},
    "Failed": {"A": fail("no")},
    "Stopped": {"A": stopped},
}


@pytest.mark.parametrize(
    ("end", "trigger", "expected"),
    [
        ("Succeeded", "Completed", "Succeeded"),
        ("Succeeded", "Failed", "Skipped"),
        ("Succeeded", "Stopped", "Skipped"),
        ("Succeeded", "Any", "Succeeded"),
        ("Failed", "Completed", "Pending"),
        ("Failed", "Failed", "Succeeded"),
        ("Failed", "Stopped", "Skipped"),
        ("Failed", "Any", "Succeeded"),
        ("Stopped", "Completed", "Pending"),
        ("Stopped", "Failed", "Skipped"),
        ("Stopped", "Stopped", "Succeeded"),
        ("Stopped", "Any", "Succeeded"),
    ],
)
def test_a_trigger_fires_on_its_end_alone(end: str, trigger: Trigger, expected: str) -> None:
    record = run(define(job("A"), job("B", on("A", trigger))), FakeJobs(ENDS[end]))
    assert statuses(record) == {"A": end, "B": expected}


def test_an_execution_whose_failures_others_ran_on_completes_with_failures() -> None:
    record = run(define(job("A"), job("B", on("A", "Failed"))), FakeJobs({"A": fail("no disk")}))
    assert (record.status, record.failure_reason) == (
        "CompletedWithFailures",
        "Step A failed: no disk",
    )


@pytest.mark.parametrize("failing", [("A", "C"), ("A", "B")])
def test_a_failure_that_nothing_ran_on_fails_the_execution(failing: tuple[str, ...]) -> None:
    jobs = FakeJobs({name: fail("no") for name in failing})
    record = run(define(job("A"), job("B", on("A", "Failed")), job("C")), jobs)
    assert record.status == "Failed"


def test_a_stop_of_one_job_alone_fails_the_execution_unless_something_ran_on_it() -> None:
    record = run(define(job("A")), FakeJobs({"A": stopped}))
    assert (record.status, record.failure_reason) == ("Failed", "Step A was stopped.")
    record = run(define(job("A"), job("B", on("A", "Stopped"))), FakeJobs({"A": stopped}))
    assert record.status == "CompletedWithFailures"


def test_a_stopped_execution_starts_nothing_on_any_trigger() -> None:
    stop = threading.Event()

    def stopping(arguments: Mapping[str, Json], stop: threading.Event) -> Mapping[str, Json]:
        stop.set()
        raise StepStopped

    record = run(define(job("A"), job("B", on("A", "Any"))), FakeJobs({"A": stopping}), stop=stop)
    assert (record.status, statuses(record)) == ("Stopped", {"A": "Stopped", "B": "Pending"})


def test_what_waits_for_a_step_that_did_not_have_to_run_is_skipped_with_it() -> None:
    steps = (
        job("A"),
        job("Notify", on("A", "Failed")),
        job("After", "Notify"),
        job("Always", on("Notify", "Any")),
    )
    record = run(define(*steps), FakeJobs())
    assert statuses(record) == {
        "A": "Succeeded",
        "Notify": "Skipped",
        "After": "Skipped",
        "Always": "Skipped",
    }
    assert record.status == "Succeeded"


def test_a_step_waits_for_the_ends_of_all_before_it() -> None:
    steps = job("A"), job("B"), job("Clean", on("A", "Any"), on("B", "Any"))
    jobs = FakeJobs({"A": fail("no")})
    assert statuses(run(define(*steps), jobs))["Clean"] == "Succeeded"
    assert jobs.log[-2:] == [("start", "Clean"), ("end", "Clean")]


def test_reading_the_properties_of_a_step_that_failed_fails_with_its_name() -> None:
    reads = replace(job("B", on("A", "Any")), arguments={"Name": {"Get": "Steps.A.Name"}})
    assert run(define(job("A"), reads), FakeJobs()).step("B").status == "Succeeded"
    record = run(define(job("A"), reads), FakeJobs({"A": fail("no")}))
    assert record.step("B").failure_reason == (
        "Reading the properties of step A: it failed, so it has none. Read them only in steps that run after it "
        "succeeded."
    )
    assert record.status == "Failed"


def test_a_step_may_run_on_a_condition_that_could_not_be_decided() -> None:
    steps = condition("Gate", {"Get": "Steps.A.Nothing"}, 1), job("A"), job("B", on("Gate", "Failed"))
    record = run(define(*steps), FakeJobs())
    assert statuses(record) == {"Gate": "Failed", "A": "Succeeded", "B": "Succeeded"}


def test_a_step_outside_may_run_on_a_step_in_a_branch() -> None:
    steps = condition("Gate", 1, 1), job("In", branch=[Branch("Gate", True)]), job("B", on("In", "Failed"))
    assert statuses(run(define(*steps), FakeJobs({"In": fail("no")})))["B"] == "Succeeded"
    other = condition("Gate", 1, 2), *steps[1:]
    assert statuses(run(define(*other), FakeJobs()))["B"] == "Skipped"


HANDLED = define(job("A"), job("Notify", on("A", "Failed")), job("After", "A"), job("Then", "Notify"))


def ended(definition: Definition, jobs: FakeJobs) -> dict[str, StepRecord]:
    return {step.name: step for step in run(definition, jobs).steps}


def test_resuming_runs_what_failed_and_what_ran_on_that_again() -> None:
    done = ended(HANDLED, FakeJobs({"A": fail("no")}))
    assert steps_to_run(HANDLED, done) == {"A", "Notify", "After", "Then"}
    jobs = FakeJobs()
    again = {name: StepRecord(name, "Processing", attempts=1) for name in done}
    assert statuses(run(HANDLED, jobs, done=again)) == {
        "A": "Succeeded",
        "Notify": "Skipped",
        "After": "Succeeded",
        "Then": "Skipped",
    }


def test_resuming_leaves_what_was_skipped_for_good_and_what_was_not_selected() -> None:
    definition = define(job("A"), job("B", on("A", "Failed")), job("C"), job("D", on("C", "Failed")))
    done = ended(definition, FakeJobs({"C": fail("no")}))
    assert steps_to_run(definition, done) == {"C", "D"}
    done["D"] = replace(done["D"], status="Skipped", left_out=True)
    assert steps_to_run(definition, done) == {"C"}


def test_a_step_that_runs_on_a_failure_cannot_be_selected_without_it() -> None:
    definition = define(job("A"), job("Notify", on("A", "Failed")))
    source = ExecutionRecord(
        "earlier", "p", "local", "Failed", {}, 0.0, steps=tuple(ended(definition, FakeJobs()).values())
    )
    with pytest.raises(UsageError, match="Notify runs only when A ends as Failed, so A has to run too"):
        select_steps(definition, ["Notify"], source)
    assert [step.status for step in select_steps(definition, ["A", "Notify"], source)] == [
        "Pending",
        "Pending",
    ]


def test_any_end_of_a_step_that_another_execution_ran_serves() -> None:
    definition = define(job("A"), Step("B", "Processing", {}, (on("A", "Any"),)))
    source = ExecutionRecord(
        "earlier", "p", "local", "Failed", {}, 0.0, steps=tuple(ended(definition, FakeJobs()).values())
    )
    assert [step.status for step in select_steps(definition, ["B"], source)] == ["Succeeded", "Pending"]
