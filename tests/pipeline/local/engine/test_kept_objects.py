"""What a job puts into S3 itself, and what is named in passing only, is there for the next command."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from pipeline.execution import ExecutionRecord
from pipeline.local.engine.start import resume_execution, start_execution
from pipeline.local.jobs.uploads import parse_upload, put_files
from pipeline.local.state.local_aws import LocalAws
from pipeline.local.state.state_dir import Home
from pipeline.local.state.store import Store

READ = "import boto3; print(boto3.client('s3').get_object(Bucket='bkt-one', Key='{key}')['Body'].read())"
WRITE = """
import boto3
s3 = boto3.client("s3")
s3.create_bucket(Bucket="bkt-one")
s3.put_object(Bucket="bkt-one", Key="side/x.txt", Body=b"hello")
"""


class Silent:
    """An observer that shows nothing."""

    def execution_changed(self, execution: ExecutionRecord) -> None:
        """See Observer."""

    def log_line(self, step: str, line: str) -> None:
        """See Observer."""


class Commands:
    """Commands one after another, each with a server of its own, on one state folder."""

    def __init__(self, folder: Path) -> None:
        self.home = Home.open(folder / "home")

    @contextmanager
    def services(self) -> Iterator[tuple[Store, LocalAws]]:
        with Store(self.home) as store, LocalAws(self.home, store) as aws:
            yield store, aws

    def run(self, text: str, upload: str | None = None) -> ExecutionRecord:
        with self.services() as (store, aws):
            if upload is not None:
                put_files(aws, [parse_upload(upload)])
            return start_execution(
                text, {}, home=self.home, aws=aws, store=store, observer=Silent(), stop=threading.Event(),
                pipeline_name="kept",
            )  # fmt: skip

    def resume(self) -> ExecutionRecord:
        with self.services() as (store, aws):
            return resume_execution(
                None, home=self.home, aws=aws, store=store, observer=Silent(), stop=threading.Event()
            )


@pytest.fixture
def commands(tmp_path: Path) -> Commands:
    return Commands(tmp_path)


def document(*steps: dict[str, Any]) -> str:
    return json.dumps({"Version": "2020-12-01", "Steps": steps})


def processing(name: str, script: str, **more: Any) -> dict[str, Any]:
    """A step whose job runs `script`."""
    cluster = {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}
    request = {
        "AppSpecification": {"ImageUri": "image", "ContainerEntrypoint": ["python3", "-c", script]},
        "ProcessingResources": {"ClusterConfig": cluster},
    }
    return {"Name": name, "Type": "Processing", "Arguments": request, **more}


def training(name: str, script: str, words: list[str]) -> dict[str, Any]:
    """A step whose training runs `script` with the arguments `words`."""
    request = {
        "AlgorithmSpecification": {
            "TrainingImage": "image",
            "TrainingInputMode": "File",
            "ContainerEntrypoint": ["python3", "-c", script],
            "ContainerArguments": words,
        },
        "OutputDataConfig": {"S3OutputPath": "s3://bkt-one/out"},
        "ResourceConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
    }
    return {"Name": name, "Type": "Training", "Arguments": request}


@pytest.mark.parametrize(
    "step",
    [
        processing("Read", READ.format(key="in/a.txt")),
        training("Read", READ.format(key="in/a.txt"), ["s3://bkt-one/in/a.txt"]),
    ],
    ids=["by bucket and key", "in a training's arguments"],
)
def test_an_uploaded_object_is_there_whatever_names_it(
    commands: Commands, tmp_path: Path, step: dict[str, Any]
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.txt").write_text("hello")
    assert commands.run(document(step), f"{tmp_path / 'in'}=s3://bkt-one/in").status == "Succeeded"
    again = commands.run(document(step))
    assert again.status == "Succeeded", again.failure_reason
    assert "b'hello'" in commands.home.step_log(again.execution_id, "Read").read_text()


def test_what_a_reused_job_put_into_s3_itself_is_there(commands: Commands) -> None:
    cached = {"CacheConfig": {"Enabled": True, "ExpireAfter": "P1D"}}
    read = processing("Read", READ.format(key="side/x.txt"), DependsOn=["Write"])
    text = document(processing("Write", WRITE, **cached), read)
    first, second = commands.run(text), commands.run(text)
    assert second.step("Write").reused_from == first.execution_id
    assert second.status == "Succeeded", second.failure_reason


def test_what_a_job_put_into_s3_itself_is_there_after_resume(commands: Commands, tmp_path: Path) -> None:
    read = f"{READ.format(key='side/x.txt')}\n{READ.format(key='flag/flag')}"
    text = document(processing("Write", WRITE), processing("Read", read, DependsOn=["Write"]))
    assert commands.run(text).status == "Failed"
    (tmp_path / "flag").touch()
    with commands.services() as (_, aws):
        put_files(aws, [parse_upload(f"{tmp_path / 'flag'}=s3://bkt-one/flag/flag")])
    resumed = commands.resume()
    assert resumed.status == "Succeeded", resumed.failure_reason
    assert resumed.step("Write").attempts == 1


def test_what_a_job_deletes_or_overwrites_stays_so(commands: Commands) -> None:
    commands.run(document(processing("Write", WRITE)))
    change = (
        "import boto3; s3 = boto3.client('s3')\n"
        "s3.copy_object(Bucket='bkt-one', Key='kept', CopySource='bkt-one/side/x.txt')\n"
        "s3.delete_object(Bucket='bkt-one', Key='side/x.txt')\n"
    )
    assert commands.run(document(processing("Change", change))).status == "Succeeded"
    gone = commands.run(document(processing("Read", READ.format(key="side/x.txt"))))
    assert "NoSuchKey" in str(gone.failure_reason)
    assert commands.run(document(processing("Read", READ.format(key="kept")))).status == "Succeeded"


def test_what_a_failed_job_put_into_s3_itself_stays_too(commands: Commands) -> None:
    commands.run(document(processing("Write", WRITE + "\nraise SystemExit(1)")))
    assert commands.run(document(processing("Read", READ.format(key="side/x.txt")))).status == "Succeeded"


def test_the_buckets_of_outputs_are_there_before_the_job(commands: Commands) -> None:
    put = "import boto3; boto3.client('s3').put_object(Bucket='b1', Key='side/x.txt', Body=b'hello')"
    read = "import boto3; print(boto3.client('s3').get_object(Bucket='b1', Key='side/x.txt')['Body'].read())"
    place = {"S3Uri": "s3://b1/o", "LocalPath": "/opt/ml/processing/o", "S3UploadMode": "EndOfJob"}
    write = processing("Write", put)
    write["Arguments"]["ProcessingOutputConfig"] = {"Outputs": [{"OutputName": "o", "S3Output": place}]}
    run = commands.run(document(write, processing("Read", read, DependsOn=["Write"])))
    assert run.status == "Succeeded", run.failure_reason
