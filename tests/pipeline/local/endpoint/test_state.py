"""What was answered is there afterwards: with the next server, and after one that was killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import boto3
import pytest

from pipeline.errors import StateError, UsageError
from pipeline.local.local_sagemaker import local_sagemaker
from tests.pipeline.local.endpoint.conftest import (
    BUCKET,
    QUICK,
    QUICKLY,
    ROLE,
    definition,
    fail_step,
    shell_step,
)

ROOT = Path(__file__).resolve().parents[4]


def wait(client: Any, arn: str) -> str:
    while True:
        said = client.describe_pipeline_execution(PipelineExecutionArn=arn)
        if said["PipelineExecutionStatus"] not in ("Executing", "Stopping"):
            return str(said["PipelineExecutionStatus"])
        time.sleep(0.05)


def test_the_next_server_has_what_the_last_one_was_told(tmp_path: Path) -> None:
    with local_sagemaker(tmp_path / "state", choices=QUICK, check=True) as first:
        client = first.client("sagemaker")
        client.create_pipeline(PipelineName="Kept", PipelineDefinition=definition(fail_step()), RoleArn=ROLE)
        arn = client.start_pipeline_execution(
            PipelineName="Kept", ClientRequestToken="t" * 32, PipelineExecutionDisplayName="Shown"
        )["PipelineExecutionArn"]
        wait(client, arn)
        client.create_processing_job(ProcessingJobName="alone", **shell_step("x", "echo said")["Arguments"])
        client.get_waiter("processing_job_completed_or_stopped").wait(
            ProcessingJobName="alone", WaiterConfig=QUICKLY
        )
        client.create_model_package_group(ModelPackageGroupName="group")
        client.create_pipeline(PipelineName="Gone", PipelineDefinition=definition(fail_step()), RoleArn=ROLE)
        client.delete_pipeline(PipelineName="Gone")
        first.client("s3").put_object(Bucket=BUCKET, Key="key", Body=b"body")
        sleeping = shell_step("Sleep", "sleep 60")
        client.update_pipeline(PipelineName="Kept", PipelineDefinition=definition(sleeping))
        cut = client.start_pipeline_execution(PipelineName="Kept")["PipelineExecutionArn"]
    with local_sagemaker(tmp_path / "state", choices=QUICK, check=True) as second:
        client = second.client("sagemaker")
        assert [each["PipelineName"] for each in client.list_pipelines()["PipelineSummaries"]] == ["Kept"]
        described = client.describe_pipeline_execution(PipelineExecutionArn=arn)
        assert described["PipelineExecutionStatus"] == "Failed"
        assert described["PipelineExecutionDisplayName"] == "Shown"
        again = client.start_pipeline_execution(PipelineName="Kept", ClientRequestToken="t" * 32)
        assert again["PipelineExecutionArn"] == arn
        # It was stopped when the server ended.
        assert (
            client.describe_pipeline_execution(PipelineExecutionArn=cut)["PipelineExecutionStatus"]
            == "Stopped"
        )
        assert client.describe_processing_job(ProcessingJobName="alone")["ProcessingJobStatus"] == "Completed"
        assert client.describe_model_package_group(ModelPackageGroupName="group")
        assert second.client("s3").get_object(Bucket=BUCKET, Key="key")["Body"].read() == b"body"


def test_one_state_folder_has_one_server_and_one_port_too(tmp_path: Path) -> None:
    with local_sagemaker(tmp_path / "state") as server:
        with pytest.raises(StateError, match=f"the local SageMaker at {server.url} .*has it"):
            local_sagemaker(tmp_path / "state").__enter__()
        port = int(server.url.rpartition(":")[2])
        with pytest.raises(UsageError, match=f"port {port} of 127.0.0.1: it is in use"):
            local_sagemaker(tmp_path / "other", port).__enter__()
        # Commands that only read may look on, and one that would stop an execution is told whose it is.
        server.client("sagemaker").create_pipeline(
            PipelineName="p", PipelineDefinition=definition(shell_step("Sleep", "sleep 60")), RoleArn=ROLE
        )
        arn = server.client("sagemaker").start_pipeline_execution(PipelineName="p")["PipelineExecutionArn"]
        execution_id = arn.rpartition("/")[2]
        shown = command(tmp_path / "state", "executions", "--json")
        assert [(each["execution_id"], each["status"]) for each in json.loads(shown.stdout)] == [
            (execution_id, "Executing")
        ]
        stopped = command(tmp_path / "state", "stop", execution_id)
        assert stopped.returncode == 2
        assert f"the local SageMaker at {server.url} runs it" in stopped.stderr


def command(state: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "FASHION_HOME": str(state)}
    return subprocess.run(
        [sys.executable, "-m", "pipeline", *words], cwd=ROOT, env=environment, capture_output=True, text=True
    )


def test_the_command_leads_another_to_the_server_and_ends_with_it(tmp_path: Path) -> None:
    script = (
        "import boto3, os, sys, yaml\n"
        "boto3.client('sagemaker').list_pipelines()\n"
        "boto3.client('s3').head_bucket(Bucket=yaml.safe_load(open(os.environ['SAGEMAKER_USER_CONFIG_OVERRIDE']))"
        "['SageMaker']['PythonSDK']['Modules']['Session']['DefaultS3Bucket'])\n"
        "assert 'AWS_PROFILE' not in os.environ\n"
        "sys.exit(7)\n"
    )
    state = tmp_path / "state"
    environment = {**os.environ, "AWS_PROFILE": "mine", "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9"}
    words = ["local-sagemaker", "--state", str(state), "--", sys.executable, "-c", script]
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", *words], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (7, "", "")
    assert list((state / "tmp").iterdir()) == []
    missing = command(state, "local-sagemaker", "--", "no-such-program")
    assert missing.returncode == 127
    assert missing.stderr == "error: Could not run no-such-program: No such file or directory.\n"
    assert "must be from 1 to 65535" in command(state, "local-sagemaker", "--port", "65536").stderr
    assert "--cores must be at least 1 (got 0)" in command(state, "local-sagemaker", "--cores", "0").stderr


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGKILL])
def test_a_server_that_is_ended_or_killed_has_kept_what_it_answered(
    tmp_path: Path, ending: signal.Signals
) -> None:
    state = tmp_path / "state"
    words = [sys.executable, "-m", "pipeline", "local-sagemaker", "--state", str(state)]
    with subprocess.Popen(
        words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        try:
            assert server.stdout is not None
            printed: list[str] = []
            while not (printed and printed[-1].startswith("export SAGEMAKER_USER_CONFIG_OVERRIDE=")):
                line = server.stdout.readline()
                assert line, printed
                printed.append(line.strip())
            assert {"AWS_PROFILE", "AWS_SESSION_TOKEN"} <= set(printed[0].removeprefix("unset ").split())
            told = dict(line.removeprefix("export ").split("=", 1) for line in printed[1:])
            client = boto3.client(
                "sagemaker",
                endpoint_url=told["AWS_ENDPOINT_URL"],
                region_name=told["AWS_REGION"],
                aws_access_key_id=told["AWS_ACCESS_KEY_ID"],
                aws_secret_access_key=told["AWS_SECRET_ACCESS_KEY"],
            )
            client.create_pipeline(
                PipelineName="p", PipelineDefinition=definition(shell_step("Sleep", "sleep 60")), RoleArn=ROLE
            )
            arn = client.start_pipeline_execution(PipelineName="p")["PipelineExecutionArn"]
            server.send_signal(ending)
            status = server.wait(60)
        finally:
            server.kill()
    assert status == (0 if ending is signal.SIGTERM else -signal.SIGKILL)
    with local_sagemaker(state) as next_one:
        said = next_one.client("sagemaker").describe_pipeline_execution(PipelineExecutionArn=arn)
        assert said["PipelineExecutionStatus"] == ("Stopped" if ending is signal.SIGTERM else "Failed")
