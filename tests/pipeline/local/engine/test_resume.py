"""Executions that go on where they ended, and those that run a part of a pipeline."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from typing import Any

import pytest

from pipeline.errors import UsageError
from pipeline.execution import ExecutionRecord, StepStatus
from pipeline.local.engine.resume import execution_to_resume
from pipeline.local.engine.start import resume_execution, start_execution
from pipeline.local.state.store import Store
from tests.pipeline.local.engine.test_start import (
    Watcher,
    document,
    get,
    join,
    small_pipeline,
    statuses,
    step,
)
from tests.pipeline.local.workbench import QUICK, Workbench

# Fails until someone has put the object that its argument names into S3.
NEEDS_AN_OBJECT = """
import boto3, pathlib, sys
bucket, key = sys.argv[1].removeprefix("s3://").split("/", 1)
try:
    boto3.client("s3").head_object(Bucket=bucket, Key=key)
except Exception:
    raise SystemExit("not there yet")
pathlib.Path("opt/ml/processing/output/out/file.json").write_text("{}")
"""
# Counts to 9, from where its checkpoint says; the model is what it counted, and who counted.
COUNT = """
import os, pathlib, sys, time
state = pathlib.Path(os.environ["SM_CHECKPOINT_DIR"], "state")
numbers = state.read_text().split() if state.exists() else []
print("from", len(numbers), flush=True)
while len(numbers) < 9:
    numbers.append(str(len(numbers)))
    # As a whole: the signal may come at any moment.
    state.with_name("unfinished").write_text(" ".join(numbers))
    state.with_name("unfinished").replace(state)
    print("counted", numbers[-1], flush=True)
    time.sleep(float(sys.argv[2]))
pathlib.Path(os.environ["SM_MODEL_DIR"], "model.txt").write_text(" ".join(numbers))
"""


def start(
    bench: Workbench, store: Store, text: str, watcher: Watcher | None = None, **more: Any
) -> ExecutionRecord:
    options: dict[str, Any] = {"stop": threading.Event(), **more}
    return start_execution(
        text,
        {},
        home=bench.home,
        aws=bench.aws,
        store=store,
        observer=watcher or Watcher(),
        pipeline_name=f"resume-{bench.execution_id}",
        graces=QUICK,
        **options,
    )


def resume(
    bench: Workbench, store: Store, execution_id: str, watcher: Watcher | None = None
) -> ExecutionRecord:
    return resume_execution(
        execution_id,
        home=bench.home,
        aws=bench.aws,
        store=store,
        observer=watcher or Watcher(),
        stop=threading.Event(),
        graces=QUICK,
    )


def log(bench: Workbench, record: ExecutionRecord, step: str) -> str:
    return bench.home.step_log(record.execution_id, step).read_text()


def test_a_failed_execution_goes_on_with_the_step_that_failed(bench: Workbench, local_store: Store) -> None:
    flag = bench.uri("flag/there")
    first = bench.processing("print('once')")
    second = bench.processing(NEEDS_AN_OBJECT, arguments=[flag], outputs=["out"])
    last = bench.processing("print('last')")
    failed = start(
        bench,
        local_store,
        document(
            step("First", "Processing", first),
            step("Second", "Processing", second, "First"),
            step("Last", "Processing", last, "Second"),
        ),
    )
    assert statuses(failed) == {"First": "Succeeded", "Second": "Failed", "Last": "Pending"}
    bench.put("flag", {"there": ""})
    record = resume(bench, local_store, failed.execution_id)
    assert record.status == "Succeeded"
    assert record.failure_reason is None
    assert record.execution_id == failed.execution_id
    assert record.started_at == failed.started_at
    assert record.step("First") == failed.step("First")
    assert record.step("Second").attempts == 2
    assert log(bench, record, "First").count("once") == 1
    assert "not there yet" in log(bench, record, "Second"), "the log of the first attempt is kept"
    assert local_store.load_execution(record.execution_id) == record


def count_pipeline(bench: Workbench, seconds: str) -> str:
    train = bench.training(
        COUNT,
        hyperparameters={"seconds": seconds},
        CheckpointConfig={"S3Uri": bench.uri("checkpoints", seconds), "LocalPath": "/opt/ml/checkpoints"},
        OutputDataConfig={"S3OutputPath": join(bench.uri("models"), get("Execution.PipelineExecutionId"))},
    )
    return document(step("Count", "Training", train))


def test_a_stopped_training_goes_on_from_its_checkpoint(bench: Workbench, local_store: Store) -> None:
    stop = threading.Event()

    class StopAtThree(Watcher):
        def log_line(self, step: str, line: str) -> None:
            super().log_line(step, line)
            if line == "counted 3":
                stop.set()

    stopped = start(bench, local_store, count_pipeline(bench, "0.05"), StopAtThree(), stop=stop)
    assert statuses(stopped) == {"Count": "Stopped"}
    record = resume(bench, local_store, stopped.execution_id)
    assert record.status == "Succeeded", record.failure_reason
    (begun, gone_on) = (line for line in log(bench, record, "Count").splitlines() if line.startswith("from "))
    assert begun == "from 0"
    assert int(gone_on.split()[1]) >= 3
    uninterrupted = start(bench, local_store, count_pipeline(bench, "0"))

    def model(record: ExecutionRecord) -> bytes:
        return bench.get(record.step("Count").properties["ModelArtifacts"]["S3ModelArtifacts"])

    assert model(record) == model(uninterrupted)


def test_a_killed_execution_runs_what_was_under_way_again(bench: Workbench, local_store: Store) -> None:
    """As the store has it when the process was killed in the middle of two steps."""
    whole = start(bench, local_store, small_pipeline(bench))
    under_way: dict[str, StepStatus] = {
        "Train-2": "Executing",
        "Evaluate": "Pending",
        "Gate": "Pending",
        "Missed": "Pending",
    }
    killed = replace(
        whole,
        status="Executing",
        ended_at=None,
        steps=tuple(
            replace(each, status=under_way.get(each.name, each.status), properties=dict(each.properties))
            for each in whole.steps
        ),
    )
    local_store.save_execution(killed, "")
    watcher = Watcher()
    record = resume(bench, local_store, whole.execution_id, watcher)
    assert record.status == "Succeeded"
    assert statuses(record) == statuses(whole)
    assert {name for name, _ in watcher.lines} == {"Train-2", "Evaluate"}
    assert record.step("Train-1") == whole.step("Train-1")


def test_what_it_was_started_with_holds(bench: Workbench, local_store: Store) -> None:
    """Parameters, and what decides how many cores a job gets."""
    text = document(
        step("A", "Processing", bench.processing("raise SystemExit('no')")),
        parameters=({"Name": "P", "Type": "String", "DefaultValue": "x"},),
    )
    failed = start(bench, local_store, text, max_parallel=1, use_cache=False)
    _, record = execution_to_resume(local_store, failed.execution_id)
    assert (record.parameters, record.parallel, record.use_cache) == ({"P": "x"}, 1, False)
    assert record.status == "Executing"
    assert record.ended_at is None


def test_one_that_succeeded_is_not_resumed(bench: Workbench, local_store: Store) -> None:
    record = start(bench, local_store, document(step("A", "Processing", bench.processing("pass"))))
    with pytest.raises(UsageError, match="it succeeded"):
        resume(bench, local_store, record.execution_id)


def test_one_of_another_target_is_not_resumed(bench: Workbench, local_store: Store) -> None:
    text = document(step("A", "Processing", bench.processing("raise SystemExit('no')")))
    record = start(bench, local_store, text)
    local_store.save_execution(replace(record, target="docker"), text)
    with pytest.raises(UsageError, match="it ran with --target docker"):
        resume(bench, local_store, record.execution_id)


def test_selected_steps_run_on_what_an_earlier_execution_left(bench: Workbench, local_store: Store) -> None:
    text = small_pipeline(bench)
    source = start(bench, local_store, text)
    watcher = Watcher()
    record = start(bench, local_store, text, watcher, only=["Evaluate", "Gate"], source=source)
    assert record.status == "Succeeded"
    assert statuses(record) == statuses(source)
    assert [each.name for each in record.steps if each.cached] == ["Prepare", "Train-1", "Train-2"]
    assert {each.reused_from for each in record.steps if each.cached} == {source.execution_id}
    assert {name for name, _ in watcher.lines} == {"Evaluate"}
    arguments = record.step("Evaluate").properties["AppSpecification"]["ContainerArguments"]
    assert all(source.execution_id in each for each in arguments)


def test_an_unchanged_pipeline_is_reused_but_for_its_decisions(bench: Workbench, local_store: Store) -> None:
    definition = json.loads(small_pipeline(bench))
    for each in definition["Steps"]:
        if each["Type"] in ("Processing", "Training"):
            each["CacheConfig"] = {"Enabled": True, "ExpireAfter": "PT1H"}
    first = start(bench, local_store, json.dumps(definition))
    watcher = Watcher()
    again = start(bench, local_store, json.dumps(definition), watcher)
    assert statuses(again) == statuses(first)
    jobs = ["Prepare", "Train-1", "Train-2", "Evaluate"]
    assert [each.name for each in again.steps if each.cached] == jobs
    assert all("reused" in line for _, line in watcher.lines)
    assert "reused" in log(bench, again, "Evaluate")
    # Another factor for one training: that and what reads it run.
    changed = definition["Steps"][1]
    assert changed["Name"] == "Train-1"
    changed["Arguments"]["HyperParameters"]["factor"] = "5"
    third = start(bench, local_store, json.dumps(definition))
    assert [each.name for each in third.steps if each.cached] == ["Prepare", "Train-2"]
    assert third.status == "Succeeded"
