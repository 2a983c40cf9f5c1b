"""A whole execution: from a compiled definition's text to the record in the store."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from pipeline.errors import DefinitionError, UsageError
from pipeline.execution import ExecutionRecord
from pipeline.local.engine.start import new_execution_id, start_execution
from pipeline.local.jobs.reaper import Reaper
from pipeline.local.jobs.stand_in import StandIn
from pipeline.local.jobs.uploads import Upload
from pipeline.local.state.local_aws import LocalAws
from pipeline.local.state.state_dir import Home
from pipeline.local.state.store import Store
from tests.pipeline.local.workbench import QUICK, Workbench

PREPARE = """
import pathlib, sys
for split in ("train", "validation"):
    folder = pathlib.Path("opt/ml/processing/output/out", split)
    folder.mkdir()
    (folder / "numbers.txt").write_text("1 2 3")
"""
TRAIN = """
import json, os, pathlib, sys
total = sum(map(int, pathlib.Path(os.environ["SM_CHANNEL_TRAIN"], "numbers.txt").read_text().split()))
pathlib.Path(os.environ["SM_MODEL_DIR"], "model.json").write_text(json.dumps(total * int(sys.argv[2])))
print("epoch=1/1")
"""
EVALUATE = """
import boto3, io, json, pathlib, sys, tarfile
scores = {}
for artifact in sys.argv[1:]:
    bucket, key = artifact.removeprefix("s3://").split("/", 1)
    body = boto3.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body)) as tar:
        scores[artifact] = json.load(tar.extractfile("model.json"))
best = max(scores.values())
pathlib.Path("opt/ml/processing/output/out/file.json").write_text(json.dumps({"best": best}))
"""


class Watcher:
    """An observer that remembers; `on_line` may act on a line."""

    def __init__(self) -> None:
        self.records: list[ExecutionRecord] = []
        self.lines: list[tuple[str, str]] = []
        self.seen = threading.Event()

    def execution_changed(self, execution: ExecutionRecord) -> None:
        self.records.append(execution)

    def log_line(self, step: str, line: str) -> None:
        self.lines.append((step, line))
        self.seen.set()


def get(path: str) -> dict[str, str]:
    return {"Get": path}


def join(*values: Any) -> dict[str, Any]:
    return {"Std:Join": {"On": "/", "Values": list(values)}}


def step(name: str, type: str, request: dict[str, Any], *after: str) -> dict[str, Any]:
    return {"Name": name, "Type": type, "Arguments": request, "DependsOn": list(after)}


def document(*steps: dict[str, Any], parameters: tuple[dict[str, Any], ...] = ()) -> str:
    return json.dumps(
        {"Version": "2020-12-01", "Metadata": {}, "Parameters": list(parameters), "Steps": list(steps)}
    )


def small_pipeline(bench: Workbench) -> str:
    """The project's own shape in small: prepare, train twice, evaluate, gate."""
    out = join(bench.uri("executions"), get("Execution.PipelineExecutionId"))
    prepare = bench.processing(PREPARE, outputs=["out"])
    prepare["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"] = join(out, "processed")
    processed = get("Steps.Prepare.ProcessingOutputConfig.Outputs['out'].S3Output.S3Uri")
    steps = [step("Prepare", "Processing", prepare)]
    for factor in (1, 2):
        train = bench.training(
            TRAIN,
            hyperparameters={"factor": str(factor)},
            channels={"train": join(processed, "train/")},  # type: ignore[dict-item]
            OutputDataConfig={"S3OutputPath": join(out, "models")},
        )
        steps.append(step(f"Train-{factor}", "Training", train))
    evaluate = bench.processing(EVALUATE, outputs=["out"])
    evaluate["AppSpecification"]["ContainerArguments"] = [
        get(f"Steps.Train-{factor}.ModelArtifacts.S3ModelArtifacts") for factor in (1, 2)
    ]
    evaluate["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"] = join(out, "evaluation")
    files = [{"PropertyFileName": "File", "OutputName": "out", "FilePath": "file.json"}]
    best = {"Std:JsonGet": {"PropertyFile": get("Steps.Evaluate.PropertyFiles.File"), "Path": "best"}}
    gate = {
        "Conditions": [
            {"Type": "GreaterThanOrEqualTo", "LeftValue": best, "RightValue": get("Parameters.Minimum")}
        ],
        "IfSteps": [],
        "ElseSteps": [
            {"Name": "Missed", "Type": "Fail", "Arguments": {"ErrorMessage": "the gate was missed"}}
        ],
    }
    steps.append({**step("Evaluate", "Processing", evaluate), "PropertyFiles": files})
    steps.append(step("Gate", "Condition", gate))
    return document(*steps, parameters=({"Name": "Minimum", "Type": "Integer", "DefaultValue": 12},))


def start(
    bench: Workbench, store: Store, text: str, watcher: Watcher | None = None, **more: Any
) -> ExecutionRecord:
    options: dict[str, Any] = {"stop": threading.Event(), "parameters": {}, "graces": QUICK, **more}
    return start_execution(
        text,
        options.pop("parameters"),
        home=bench.home,
        aws=bench.aws,
        store=store,
        observer=watcher or Watcher(),
        pipeline_name="Small",
        **options,
    )


def statuses(record: ExecutionRecord) -> dict[str, str]:
    return {step.name: step.status for step in record.steps}


def test_a_pipeline_runs_from_its_text_to_its_record(bench: Workbench, local_store: Store) -> None:
    watcher = Watcher()
    record = start(bench, local_store, small_pipeline(bench), watcher)
    assert record.status == "Succeeded", record.failure_reason
    assert statuses(record) == {
        "Prepare": "Succeeded",
        "Train-1": "Succeeded",
        "Train-2": "Succeeded",
        "Evaluate": "Succeeded",
        "Gate": "Succeeded",
        "Missed": "Skipped",
    }
    artifact = record.step("Train-2").properties["ModelArtifacts"]["S3ModelArtifacts"]
    job = record.step("Train-2").properties["TrainingJobName"]
    assert artifact == bench.uri("executions", record.execution_id, "models", job, "output/model.tar.gz")
    assert re.fullmatch(rf"pipelines-{record.execution_id}-Train-2-[0-9a-f]{{10}}", job)
    assert ("Train-1", "epoch=1/1") in watcher.lines
    assert local_store.load_execution(record.execution_id) == record
    assert watcher.records[-1] == record


def test_a_missed_gate_fails_the_execution(bench: Workbench, local_store: Store) -> None:
    record = start(bench, local_store, small_pipeline(bench), parameters={"Minimum": "13"})
    assert record.status == "Failed"
    assert record.parameters == {"Minimum": 13}
    assert record.failure_reason == "Step Missed failed: the gate was missed"


def test_trainings_overlap_in_time(bench: Workbench, local_store: Store) -> None:
    record = start(bench, local_store, small_pipeline(bench))
    one, two = record.step("Train-1"), record.step("Train-2")
    assert one.started_at is not None
    assert two.started_at is not None
    assert one.seconds is not None
    assert two.started_at < one.started_at + one.seconds


def test_a_crash_is_in_the_record_and_other_branches_went_on(bench: Workbench, local_store: Store) -> None:
    bad = bench.processing("raise SystemExit('no data')")
    good = bench.processing("print('fine')")
    record = start(
        bench,
        local_store,
        document(
            step("Bad", "Processing", bad),
            step("After", "Processing", good, "Bad"),
            step("Good", "Processing", good),
        ),
    )
    assert statuses(record) == {"Bad": "Failed", "After": "Pending", "Good": "Succeeded"}
    assert str(record.failure_reason).startswith("Step Bad failed: exit status 1\nLast lines of its log")
    assert "  no data" in str(record.failure_reason)
    assert local_store.load_execution(record.execution_id).status == "Failed"


def test_a_stop_ends_everything_within_seconds(bench: Workbench, local_store: Store) -> None:
    script = (
        "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "print('up', flush=True)\ntime.sleep(60)"
    )
    request = bench.processing(script)
    stop = threading.Event()
    watcher = Watcher()

    def stop_when_up() -> None:
        while {step for step, line in watcher.lines if line == "up"} != {"A", "B"}:
            time.sleep(0.01)
        stop.set()

    stopper = threading.Thread(target=stop_when_up)
    stopper.start()
    text = document(
        step("A", "Processing", request),
        step("B", "Processing", request),
        step("C", "Processing", request, "A"),
    )
    record = start(bench, local_store, text, watcher, stop=stop, graces=replace(QUICK, stop=0.5))
    stopper.join()
    assert record.status == "Stopped"
    assert statuses(record) == {"A": "Stopped", "B": "Stopped", "C": "Pending"}
    assert record.ended_at is not None
    assert local_store.load_execution(record.execution_id).status == "Stopped"


@pytest.mark.parametrize(
    ("text", "parameters", "error"),
    [
        ("{", {}, DefinitionError),
        (document({"Name": "L", "Type": "Lambda", "Arguments": {}}), {}, DefinitionError),
        (document(), {"Unknown": "1"}, UsageError),
    ],
)
def test_what_is_wrong_is_refused_before_anything_is_recorded(
    bench: Workbench, local_store: Store, text: str, parameters: dict[str, str], error: type[Exception]
) -> None:
    before = len(local_store.executions())
    with pytest.raises(error):
        start(bench, local_store, text, parameters=parameters)
    assert len(local_store.executions()) == before


def test_nothing_is_uploaded_when_something_is_refused(
    bench: Workbench, local_store: Store, tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_text("a")
    uploads = [Upload(tmp_path, bench.uri("in")), Upload(tmp_path / "a.txt", bench.uri("one", "a.txt"))]
    good = step("Good", "Processing", bench.processing("pass", inputs={"/in": bench.uri("in")}))
    call = {"Name": "L", "Type": "Lambda", "FunctionArn": "arn", "Arguments": {}}
    builtin = bench.processing("pass")
    del builtin["AppSpecification"]["ContainerEntrypoint"]
    missing = bench.processing("pass", inputs={"/in": bench.uri("elsewhere")})
    refused: list[tuple[str, dict[str, Any], str]] = [
        ("handler", {}, document(good, call)),
        ("stand-in", {}, document(good, step("B", "Processing", builtin))),
        ("not on this machine", {"stand_ins": [StandIn("Good", ("no-such-program",))]}, document(good)),
        (bench.uri("elsewhere"), {}, document(good, step("M", "Processing", missing))),
        ("no such parameter", {"parameters": {"P": "1"}}, document(good)),
        ("B?", {"uploads": [*uploads, Upload(tmp_path, "s3://B?/in")]}, document(good)),
    ]
    for message, options, text in refused:
        with pytest.raises(UsageError, match=re.escape(message)):
            start(bench, local_store, text, **{"uploads": uploads, **options})
        assert [*map(bench.aws.stored_objects, (bench.uri("in"), bench.uri("one")))] == [[], []], message
    told: list[str] = []
    record = start(bench, local_store, document(good), uploads=uploads, explain=told.append)
    assert record.status == "Succeeded", record.failure_reason
    assert [each.uri for each in bench.aws.stored_objects(bench.uri("one"))] == [bench.uri("one", "a.txt")]
    assert f"{tmp_path} → {bench.uri('in')} (1 file, kept in the local S3)" in told


# Prints what the S3 URIs and the model packages in its arguments lead to.
READ_EARLIER = """
import boto3, sys
for text in sys.argv[1:]:
    uri = text.partition("=")[2] or text
    if uri.startswith("arn:"):
        package = boto3.client("sagemaker").describe_model_package(ModelPackageName=uri)
        uri = package["InferenceSpecification"]["Containers"][0]["ModelDataUrl"]
    bucket, key = uri.removeprefix("s3://").split("/", 1)
    print(boto3.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read().decode())
"""


def test_a_job_can_read_what_an_earlier_command_left(tmp_path: Path, local_reaper: Reaper) -> None:
    home = Home.open(tmp_path / "home")
    with Store(home) as store, LocalAws(home, store) as aws:
        earlier = Workbench(home, aws, local_reaper)
        uris = [
            earlier.put("models", {name: f"content of {name}"}) + name for name in ("candidate", "champion")
        ]
        aws.save_objects()
        registry = aws.client("sagemaker")
        registry.create_model_package_group(ModelPackageGroupName="group")
        package = registry.create_model_package(
            ModelPackageGroupName="group",
            InferenceSpecification={
                "Containers": [{"Image": "image", "ModelDataUrl": uris[1]}],
                "SupportedContentTypes": ["application/json"],
                "SupportedResponseMIMETypes": ["application/json"],
            },
        )["ModelPackageArn"]
        aws.persist_registry()
    with Store(home) as store, LocalAws(home, store) as aws:
        now = Workbench(home, aws, local_reaper)
        request = now.processing(READ_EARLIER, arguments=[f"candidate-0={uris[0]}", package])
        watcher = Watcher()
        record = start(now, store, document(step("Read", "Processing", request)), watcher)
    assert record.status == "Succeeded", record.failure_reason
    assert {("Read", "content of candidate"), ("Read", "content of champion")} <= set(watcher.lines)


# Says why the model packages in its arguments cannot be read.
READ_LOST = """
import boto3, botocore.exceptions, sys
for arn in sys.argv[1:]:
    try:
        package = boto3.client("sagemaker").describe_model_package(ModelPackageName=arn)
        uri = package["InferenceSpecification"]["Containers"][0]["ModelDataUrl"]
        bucket, key = uri.removeprefix("s3://").split("/", 1)
        boto3.client("s3").get_object(Bucket=bucket, Key=key)
    except botocore.exceptions.ClientError as error:
        print(error)
"""


def test_a_package_that_is_gone_or_lost_its_files_is_left_to_the_job_that_names_it(
    tmp_path: Path, local_reaper: Reaper
) -> None:
    """An evaluation reports such a champion and goes on; it would not if its job never started."""
    home = Home.open(tmp_path / "home")
    with Store(home) as store, LocalAws(home, store) as aws:
        earlier = Workbench(home, aws, local_reaper)
        uri = earlier.put("models", {"champion": "content of champion"}) + "champion"
        aws.save_objects()
        registry = aws.client("sagemaker")
        registry.create_model_package_group(ModelPackageGroupName="group")
        package = registry.create_model_package(
            ModelPackageGroupName="group",
            InferenceSpecification={
                "Containers": [{"Image": "image", "ModelDataUrl": uri}],
                "SupportedContentTypes": ["application/json"],
                "SupportedResponseMIMETypes": ["application/json"],
            },
        )["ModelPackageArn"]
        aws.persist_registry()
    (lost,) = (
        path
        for path in (home.root / "objects").rglob("*")
        if path.is_file() and path.read_bytes() == b"content of champion"
    )
    lost.unlink()
    with Store(home) as store, LocalAws(home, store) as aws:
        now = Workbench(home, aws, local_reaper)
        request = now.processing(READ_LOST, arguments=[package, package.replace("/1", "/99")])
        watcher = Watcher()
        record = start(now, store, document(step("Read", "Processing", request)), watcher)
    assert record.status == "Succeeded", record.failure_reason
    said = "\n".join(line for _, line in watcher.lines)
    assert f"{uri} is damaged: {lost}: No such file" in said
    assert "ValidationException" in said


def test_execution_ids_are_like_the_services() -> None:
    ids = {new_execution_id() for _ in range(100)}
    assert len(ids) == 100
    assert all(re.fullmatch(r"[a-z0-9]{12}", one) for one in ids)


# Runs a definition in a state folder of its own and reports the lines of its jobs.
COMMAND = """
import sys, threading
from pathlib import Path
from pipeline.local.state.state_dir import Home
from pipeline.local.jobs.reaper import Reaper
from pipeline.local.state.local_aws import LocalAws
from pipeline.local.state.local_aws import LocalAws
from pipeline.local.engine.start import start_execution
from pipeline.local.state.store import Store

class Observer:
    def execution_changed(self, execution):
        pass
    def log_line(self, step, line):
        sys.stdout.write(line + "\\n")  # at once: print writes the line's end apart, and jobs speak together
        sys.stdout.flush()

home = Home.open(Path(sys.argv[1]))
with Store(home) as store, LocalAws(home, store) as aws:
    aws.client("s3").put_object(Bucket=aws.BUCKET, Key="code/script.py", Body=sys.argv[3].encode())
    start_execution(sys.argv[2], {}, home=home, aws=aws, store=store, observer=Observer(),
                    stop=threading.Event(), pipeline_name="Small")
"""


def test_a_run_that_is_killed_leaves_no_process_and_a_readable_record(
    bench: Workbench, tmp_path: Path
) -> None:
    script = "import os, time\nprint('job', os.getpid(), flush=True)\ntime.sleep(600)"
    request = bench.processing(script)
    request["ProcessingInputs"][0]["S3Input"]["S3Uri"] = f"s3://{bench.aws.BUCKET}/code/"
    text = document(step("A", "Processing", request), step("B", "Processing", request))
    command = subprocess.Popen(
        [sys.executable, "-c", COMMAND, str(tmp_path / "home"), text, script],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[4],
    )
    assert command.stdout is not None
    jobs: set[int] = set()
    while len(jobs) < 2:
        line = command.stdout.readline()
        assert line, "the run ended by itself"
        if line.startswith("job "):
            jobs.add(int(line.split()[1]))
    # The jobs, the reaper and the server.
    everything = jobs | {child.pid for child in psutil.Process(command.pid).children(recursive=True)}
    assert len(everything) >= 4
    os.kill(command.pid, signal.SIGKILL)
    command.wait()
    command.stdout.close()
    deadline = time.monotonic() + 15
    while left := {pid for pid in everything if alive(pid)}:
        assert time.monotonic() < deadline, f"these processes were left behind: {left}"
        time.sleep(0.02)
    with Store(Home.open(tmp_path / "home")) as store:
        record = store.load_execution()
    assert record.status == "Executing"
    assert statuses(record) == {"A": "Executing", "B": "Executing"}


def alive(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def test_an_mlflow_app_is_accepted_and_decides_no_cache_key(bench: Workbench, local_store: Store) -> None:
    arn = {"Std:Join": {"On": "/", "Values": ["arn:aws:sagemaker:us-east-1:1:mlflow-app", "app-1"]}}
    alone = {**step("Alone", "Processing", bench.processing("pass")), "CacheConfig": {"Enabled": True}}
    plain = json.loads(document(alone))
    tracked = {**plain, "MlflowConfig": {"MlflowResourceArn": arn, "MlflowExperimentName": "fashion-mnist"}}
    other = {**plain, "MlflowConfig": {"MlflowResourceArn": "arn:aws:sagemaker:us-east-1:1:mlflow-app/other"}}
    records = [start(bench, local_store, json.dumps(each)) for each in (plain, tracked, other)]
    assert [each.status for each in records] == ["Succeeded"] * 3
    assert [each.step("Alone").cached for each in records] == [False, True, True]
