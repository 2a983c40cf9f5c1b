"""Functions that are steps (`@step`) as SDK 2 compiles them: by their form. Whole: tests/clients/test_sdk2.py."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.local.state.store import Store
from tests.pipeline.local.engine.test_start import Watcher, document, get, join, start
from tests.pipeline.local.workbench import Workbench

BOOTSTRAP = "sagemaker_remote_function_bootstrap"
DRIVER = """
set -e
echo "step $6 of $8 before: $*"
ls /opt/ml/input/data/pre_exec_script_and_dependencies
python3 -c "import sys; print('python', sys.version_info[0])"
"""


@pytest.fixture
def sandbox(bench: Workbench) -> Workbench:
    """The bench, where the machine allows a sandbox: the bootstrap has /opt/ml written into it."""
    if bench.launcher.name != "sandbox":
        pytest.skip("this machine allows no sandbox")
    return bench


def function_step(bench: Workbench, name: str, *arguments: Any, after: str | None = None) -> dict[str, Any]:
    """A step as SDK 2.257.7 compiles it, in the order of its members."""
    place = {
        "Std:Join": {"On": "/", "Values": [bench.uri("steps"), get("Execution.PipelineExecutionId"), name]}
    }
    channels = {
        BOOTSTRAP: bench.put(BOOTSTRAP, {"job_driver.sh": DRIVER}).rstrip("/"),
        "pre_exec_script_and_dependencies": bench.put(f"{name}/more", {"requirements.txt": ""}).rstrip("/"),
    }
    return {
        "Name": name,
        "Type": "Training",
        "Arguments": {
            "RoleArn": "arn:aws:iam::123456789012:role/jobs",
            "StoppingCondition": {"MaxRuntimeInSeconds": 86400},
            "RetryStrategy": {"MaximumRetryAttempts": 1},
            "InputDataConfig": [
                {
                    "ChannelName": channel,
                    "DataSource": {"S3DataSource": {"S3Uri": uri, "S3DataType": "S3Prefix"}},
                }
                for channel, uri in channels.items()
            ],
            "OutputDataConfig": {"S3OutputPath": place},
            "AlgorithmSpecification": {
                "TrainingImage": "1.dkr/python:3",
                "TrainingInputMode": "File",
                "ContainerEntrypoint": ["/bin/bash", f"/opt/ml/input/data/{BOOTSTRAP}/job_driver.sh"],
                "ContainerArguments": [
                    *("--s3_base_uri", bench.uri("steps"), "--region", "us-east-1"),
                    *("--pipeline_step_name", name, "--pipeline_execution_id"),
                    get("Execution.PipelineExecutionId"),
                    "--property_references",
                    *arguments,
                ],
            },
            "ResourceConfig": {
                "VolumeSizeInGB": 30,
                "InstanceCount": 1,
                "InstanceType": "ml.m5.large",
                "KeepAlivePeriodInSeconds": 0,
            },
            "EnableNetworkIsolation": False,
            "EnableManagedSpotTraining": False,
            "Environment": {"AWS_DEFAULT_REGION": "us-east-1"},
        },
        **({"DependsOn": [after]} if after else {}),
        "DisplayName": f"__main__.{name}",
        "Description": "/home/a-user/pipeline.py",
    }


def test_the_form_of_its_steps_runs_whatever_their_order(sandbox: Workbench, local_store: Store) -> None:
    number = {"Std:Join": {"On": "", "Values": [get("Parameters.Number")]}}
    output = "Steps.double.OutputDataConfig.S3OutputPath"
    last = function_step(sandbox, "add", output, join(get(output)), after="double")
    first = function_step(sandbox, "double", "Parameters.Number", number)
    parameter = {"Name": "Number", "Type": "Integer", "DefaultValue": 4}
    watcher = Watcher()
    record = start(sandbox, local_store, document(last, first, parameters=(parameter,)), watcher)
    assert record.status == "Succeeded", record.failure_reason
    said = {step: line for step, line in watcher.lines if line.startswith("step ")}
    assert said["double"].startswith(f"step double of {record.execution_id} before: ")
    assert said["double"].endswith("--property_references Parameters.Number 4")
    place = sandbox.uri("steps", record.execution_id, "double")
    assert said["add"].endswith(f"--property_references {output} {place}")
    assert ("add", "requirements.txt") in watcher.lines
    assert ("add", "python 3") in watcher.lines
