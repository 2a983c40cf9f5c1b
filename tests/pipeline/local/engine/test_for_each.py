"""ForEach steps: their children, how many run at once, what they leave, how they fail, stop and go on."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from pipeline.execution import ExecutionRecord, StepRecord
from pipeline.local.engine.resume import steps_to_run, wait_again
from pipeline.local.jobs.runner import JobCall, JobOutcome, StepStopped
from pipeline.spec.definition import Definition, Dependency, Json, PropertyFile, Step
from tests.pipeline.local.engine.test_scheduler import FakeJobs, Watcher, define, fail, job, run, statuses


def loop(
    items: Json = ("a", "b", "c"), *body: Step, name: str = "Each", at_once: int = 50, **more: Json
) -> Step:
    items = list(items) if isinstance(items, tuple) else items
    steps = body or (job("P", Item={"Get": "ForEach.CurrentItem"}),)
    return Step(name, "ForEach", {"IterableItems": items, "MaxConcurrency": at_once, **more}, body=steps)


def reading(name: str, path: str, *after: Dependency | str) -> Step:
    return job(name, *after, Value={"Get": f"Steps.{path}"})


def by_item(values: Mapping[str, Any]) -> FakeJobs:
    """Jobs whose metric follows from their item; None: the job fails."""

    class Jobs(FakeJobs):
        def __call__(self, call: JobCall) -> JobOutcome:
            item = str(call.arguments.get("Item"))
            if item in values:
                value = values[item]
                self.behaviours[call.step.name] = (
                    fail("no such item") if value is None else lambda *_: {"Score": {"Value": value}}
                )
            return super().__call__(call)

    return Jobs()


def test_each_item_has_a_child_that_is_listed_after_its_step() -> None:
    jobs = FakeJobs()
    record = run(define(job("Before"), loop(), job("After", "Each")), jobs)
    assert list(statuses(record)) == ["Before", "Each", "P-0", "P-1", "P-2", "After"]
    assert set(statuses(record).values()) == {"Succeeded"}
    assert [jobs.requests[f"P-{i}"][0] for i in range(3)] == [{"Item": "a"}, {"Item": "b"}, {"Item": "c"}]
    assert [step.part_of for step in record.steps] == [None, None, "Each", "Each", "Each", None]
    assert jobs.log[-2:] == [("start", "After"), ("end", "After")]
    assert record.step("Each").properties == {
        "Status": "Succeeded",
        "InputItemCount": 3,
        "TotalStepCount": 3,
        "SucceededStepCount": 3,
        "FailedStepCount": 0,
        "StoppedStepCount": 0,
        "IterationOutputs": [{"P": {"Name": f"P-{i}"}} for i in range(3)],
    }


@pytest.mark.parametrize("items", ['["x", "y"]', ["x", "y"]])
def test_items_come_from_an_expression_once_what_it_reads_has_run(items: Json) -> None:
    jobs = FakeJobs({"List": lambda *_: {"Items": items}})
    record = run(define(loop({"Get": "Steps.List.Items"}), job("List")), jobs)
    assert [jobs.requests[name][0]["Item"] for name in ("P-0", "P-1")] == ["x", "y"]
    assert list(statuses(record)) == ["Each", "P-0", "P-1", "List"]


@pytest.mark.parametrize(
    ("items", "reason"),
    [
        ("[1, 2", "Reading the items of Each: IterableItems must be a JSON list, not '[1, 2' ("),
        (
            "['a', 'b']",
            "Reading the items of Each: IterableItems must be a JSON list, not \"['a', 'b']\" (it is not JSON: "
            "Expecting value: line 1 column 2 (char 1)). In Python write it with json.dumps",
        ),
        (
            '{"a": 1}',
            "Reading the items of Each: IterableItems must be a list, not '{\"a\": 1}'",
        ),
        (7, "Reading the items of Each: IterableItems must be a list, not 7"),
    ],
)
def test_items_that_are_no_list_fail_the_step(items: Json, reason: str) -> None:
    jobs = FakeJobs({"List": lambda *_: {"Items": items}})
    record = run(define(job("List"), loop({"Get": "Steps.List.Items"})), jobs)
    assert (record.step("Each").failure_reason or "").startswith(reason)
    assert jobs.started == ["List"]


def test_no_items_are_no_children() -> None:
    record = run(define(loop({"Get": "Parameters.Items"})), FakeJobs(), parameters={"Items": "[]"})
    assert statuses(record) == {"Each": "Succeeded"}
    assert record.step("Each").properties["InputItemCount"] == 0


def test_a_field_of_an_item_is_read_out_of_its_json() -> None:
    fields = {
        "Deep": "ForEach.CurrentItem.a.b[1]",
        "Key": "ForEach.CurrentItem['k.x']",
        "All": "ForEach.CurrentItem",
    }
    body = Step("P", "Processing", {key: {"Get": path} for key, path in fields.items()})
    jobs = FakeJobs()
    item = {"a": {"b": [1, {"Get": "Parameters.X"}]}, "k.x": 2}
    text = json.dumps(item)
    run(define(loop((text,), body)), jobs)
    # An object becomes its text, even one that looks like an expression.
    assert jobs.requests["P-0"][0] == {"Deep": '{"Get": "Parameters.X"}', "Key": 2, "All": text}


def test_an_item_without_the_field_fails_the_step_before_anything_runs() -> None:
    body = job("P", Item={"Get": "ForEach.CurrentItem.name"})
    for item, problem in (
        ("{}", "there is no 'name' at the top"),
        ("plain", "it is not the text of a JSON object"),
    ):
        jobs = FakeJobs()
        record = run(define(loop(('{"name": 1}', item), body)), jobs)
        assert f"Could not make P-1 for the item '{item}': {problem}" in (
            record.step("Each").failure_reason or ""
        )
        assert jobs.started == []


@pytest.mark.parametrize(("at_once", "limit", "most"), [(2, None, 2), (5, 1, 1), (3, 2, 2)])
def test_no_more_children_run_at_once_than_either_limit(at_once: int, limit: int | None, most: int) -> None:
    started = threading.Barrier(most)

    def together(*_: Any) -> Mapping[str, Json]:
        started.wait(30)
        return {}

    jobs = FakeJobs({f"P-{i}": together for i in range(6)})
    record = run(define(loop(tuple("abcdef"), at_once=at_once)), jobs, max_parallel=limit)
    assert (record.status, jobs.most_running) == ("Succeeded", most)


def test_children_leave_room_for_steps_beside_them() -> None:
    met = threading.Barrier(2)

    def meet(*_: Any) -> Mapping[str, Json]:
        met.wait(30)
        return {}

    jobs = FakeJobs({"P-0": meet, "Beside": meet})
    assert run(define(loop(at_once=1), job("Beside")), jobs).status == "Succeeded"


def test_the_children_share_the_cores_of_their_step() -> None:
    jobs = FakeJobs()
    run(define(loop(tuple("abcd"), at_once=2), job("Beside")), jobs, cores=8)
    assert {name: cores for name, (_, _, cores) in jobs.requests.items()} == {
        **{f"P-{i}": 2 for i in range(4)},
        "Beside": 4,
    }


def test_steps_of_a_body_wait_for_each_other_within_their_iteration() -> None:
    body = job("P"), reading("Q", "P.Name"), job("Note", Dependency("P", "Failed"))
    files = replace(body[0], property_files=(PropertyFile("F", "out", "f.json"),))
    score = {"Std:JsonGet": {"PropertyFile": {"Get": "Steps.P.PropertyFiles.F"}, "Path": "score"}}
    jobs = FakeJobs({"P-1": fail("no")})
    jobs.files["F"] = {"score": 3}
    record = run(define(loop(("a", "b"), files, *body[1:], job("R", Score=score))), jobs)
    assert statuses(record) == {
        "Each": "Failed",
        "P-0": "Succeeded",
        "Q-0": "Succeeded",
        "Note-0": "Skipped",
        "R-0": "Succeeded",
        "P-1": "Failed",
        "Q-1": "Pending",
        "Note-1": "Succeeded",
        "R-1": "Pending",
    }
    assert jobs.requests["Q-0"][0] == {"Value": "P-0"}
    assert jobs.requests["R-0"][0] == {"Score": 3}


def test_failed_children_fail_the_step_once_the_others_have_run() -> None:
    jobs = by_item({"b": None, "c": None})
    watcher = Watcher()
    definition = define(
        loop(tuple("abcd"), at_once=1), job("After", "Each"), job("Any", Dependency("Each", "Any"))
    )
    record = run(definition, jobs, watcher=watcher)
    assert statuses(record) == {
        "Each": "Failed",
        "P-0": "Succeeded",
        "P-1": "Failed",
        "P-2": "Failed",
        "P-3": "Succeeded",
        "After": "Pending",
        "Any": "Succeeded",
    }
    reason = "2 of 4 steps failed: P-1, P-2. P-1: no such item"
    assert record.step("Each").failure_reason == reason
    assert (record.status, record.failure_reason) == ("CompletedWithFailures", f"Step Each failed: {reason}")
    counts = {key: value for key, value in record.step("Each").properties.items() if key.endswith("Count")}
    assert counts == {
        "InputItemCount": 4,
        "TotalStepCount": 4,
        "SucceededStepCount": 2,
        "FailedStepCount": 2,
        "StoppedStepCount": 0,
    }


def test_a_step_may_read_how_a_for_each_step_failed() -> None:
    body = job("Tell", Dependency("Each", "Any"), Failed={"Get": "Steps.Each.FailedStepCount"})
    jobs = by_item({"b": None})
    run(define(loop(), body), jobs)
    assert jobs.requests["Tell"][0] == {"Failed": 1}


@pytest.mark.parametrize(
    ("pick", "scores", "expected"),
    [
        ("MaxBy", {"a": 1, "b": 3, "c": 2}, 3),
        ("MinBy", {"a": 2, "b": "1.5", "c": 2}, "1.5"),
        ("MaxBy", {"a": 2, "b": 2.0, "c": 1}, 2),
    ],
)
def test_the_selected_iteration_has_the_most_or_the_least(
    pick: str, scores: dict[str, Any], expected: Json
) -> None:
    selector = {"Pick": pick, "Field": {"Get": "IterationOutput.P.Score.Value"}}
    jobs = by_item(scores)
    run(define(loop(Selector=selector), reading("Best", "Each.Selected.Score.Value")), jobs)
    assert jobs.requests["Best"][0] == {"Value": expected}


def test_what_cannot_be_compared_fails_the_step() -> None:
    selector = {"Pick": "MaxBy", "Field": {"Get": "IterationOutput.P.Score.Value"}}
    record = run(define(loop(Selector=selector)), by_item({"a": 1, "b": "much", "c": 2}))
    assert record.step("Each").failure_reason == (
        "Comparing P-1 with the other iterations needs a number, not 'much'."
    )
    record = run(define(loop(Selector=selector)), FakeJobs())
    assert "Comparing P-0 with the other iterations: there is no 'Score'" in (
        record.step("Each").failure_reason or ""
    )


def test_an_iterations_output_is_read_by_its_number() -> None:
    jobs = FakeJobs()
    run(define(loop(), reading("Second", "Each.IterationOutputs[1].P.Name")), jobs)
    assert jobs.requests["Second"][0] == {"Value": "P-1"}
    record = run(define(loop(), reading("Tenth", "Each.IterationOutputs[9].P.Name")), FakeJobs())
    assert "there is no 9 at ('IterationOutputs',), but a list of 3" in (
        record.step("Tenth").failure_reason or ""
    )


def stop_in(name: str, stop: threading.Event) -> FakeJobs:
    def stopping(*_: Any) -> Mapping[str, Json]:
        stop.set()
        raise StepStopped

    return FakeJobs({name: stopping})


def again(definition: Definition, record: ExecutionRecord) -> dict[str, StepRecord]:
    return {step.name: step for step in wait_again(definition, record.steps)}


def test_a_stop_reaches_the_children_and_a_resume_runs_the_rest_on_the_same_items() -> None:
    stop = threading.Event()
    definition = define(loop({"Get": "Parameters.Items"}, at_once=1))
    record = run(definition, stop_in("P-1", stop), stop=stop, parameters={"Items": '["a", "b", "c"]'})
    assert record.status == "Stopped"
    assert statuses(record) == {"Each": "Stopped", "P-0": "Succeeded", "P-1": "Stopped", "P-2": "Pending"}
    jobs = FakeJobs()
    waiting = again(definition, record)
    # Whatever the items would be now.
    done = go_on(definition, waiting, jobs, {"Items": '["z"]'})
    assert (done.status, jobs.started) == ("Succeeded", ["P-1", "P-2"])
    assert jobs.requests["P-1"][0] == {"Item": "b"}
    assert done.step("Each").properties["SucceededStepCount"] == 3


def go_on(
    definition: Definition, steps: Mapping[str, StepRecord], jobs: FakeJobs, parameters: Mapping[str, Json]
) -> ExecutionRecord:
    names = [step.name for step in definition.steps]
    children = define(*(job(name) for name in steps if name not in names))
    both = replace(definition, steps=(*definition.steps, *children.steps))
    return run(definition, jobs, parameters=parameters, done=steps, listed=both)


def test_a_resume_runs_the_children_that_failed_and_keeps_the_others() -> None:
    definition = define(loop())
    record = run(definition, by_item({"b": None}))
    jobs = FakeJobs()
    assert go_on(definition, again(definition, record), jobs, {}).status == "Succeeded"
    assert jobs.started == ["P-1"]


def test_children_of_items_that_may_be_others_now_run_again() -> None:
    definition = define(job("List"), loop({"Get": "Parameters.X"}), job("Fix", Dependency("List", "Failed")))
    each = replace(definition.steps[1], depends_on=(Dependency("List", "Any"),))
    definition = replace(definition, steps=(definition.steps[0], each, definition.steps[2]))
    record = run(definition, FakeJobs({"List": fail("no")}), parameters={"X": '["a"]'})
    assert statuses(record)["P-0"] == "Succeeded"
    assert steps_to_run(definition, {step.name: step for step in record.steps}) == {
        "List",
        "Each",
        "P-0",
        "Fix",
    }


def test_children_that_ran_on_a_failure_are_not_done_once_that_runs_again() -> None:
    definition = define(loop(("a", "b"), job("P"), job("Note", Dependency("P", "Failed"))))
    record = run(definition, FakeJobs({"P-1": fail("no")}))
    jobs = FakeJobs()
    done = go_on(definition, again(definition, record), jobs, {})
    assert statuses(done) == {
        "Each": "Succeeded",
        "P-0": "Succeeded",
        "Note-0": "Skipped",
        "P-1": "Succeeded",
        "Note-1": "Skipped",
    }
    assert jobs.started == ["P-1"]


def test_the_jobs_of_children_have_names_of_their_own() -> None:
    jobs = FakeJobs()
    run(define(loop()), jobs)
    assert len({name for _, name, _ in jobs.requests.values()}) == 3


def test_a_thousand_children_take_a_moment() -> None:
    items = json.dumps([str(i) for i in range(1000)])
    began = time.monotonic()
    record = run(
        define(loop({"Get": "Parameters.Items"})), FakeJobs(), parameters={"Items": items}, max_parallel=4
    )
    assert record.status == "Succeeded"
    assert time.monotonic() - began < 30
