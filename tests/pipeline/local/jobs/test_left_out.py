"""A job says what its request asks of AWS's machines and network that a local job does without, and runs."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.local.jobs.left_out import left_out
from tests.pipeline.local.workbench import Workbench

KEY = "alias/fashion-mnist"
VPC = {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}
TRAINING: dict[str, Any] = {
    "EnableManagedSpotTraining": True,
    "EnableNetworkIsolation": True,
    "EnableInterContainerTrafficEncryption": True,
    "VpcConfig": VPC,
    "StoppingCondition": {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 120},
    "Tags": [{"Key": "Project", "Value": "fashion-mnist"}],
}
PROCESSING = {"NetworkConfig": {"EnableNetworkIsolation": True, "VpcConfig": VPC}}
WRITE = "import os, pathlib\n(pathlib.Path(os.environ['SM_MODEL_DIR']) / 'x').write_text('x')"


def test_a_training_with_everything_switched_on_runs_and_names_what_it_does_without(bench: Workbench) -> None:
    request = bench.training(WRITE, **TRAINING)
    request["ResourceConfig"] |= {"KeepAlivePeriodInSeconds": 600, "VolumeKmsKeyId": KEY}
    request["OutputDataConfig"]["KmsKeyId"] = KEY
    outcome = bench.run("Training", request)
    assert outcome.properties["TrainingJobStatus"] == "Completed"
    assert (
        "[local] not done here, but on SageMaker: spot instances (checkpoints are kept all the same), a warm pool, "
        "an encrypted volume, encrypted outputs, a VPC, isolation from the network, "
        "encrypted traffic between hosts"
    ) in bench.lines


def test_a_processing_job_with_everything_switched_on_runs_and_names_what_it_does_without(
    bench: Workbench,
) -> None:
    request = bench.processing("print('done')") | PROCESSING
    request["ProcessingResources"]["ClusterConfig"]["VolumeKmsKeyId"] = KEY
    request["ProcessingOutputConfig"]["KmsKeyId"] = KEY
    bench.run("Processing", request)
    said = [line for line in bench.lines if "not done here" in line]
    assert said == [
        "[local] not done here, but on SageMaker: an encrypted volume, encrypted outputs, a VPC, "
        "isolation from the network"
    ]


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("DebugRuleConfigurations", "rules of the debugger"),
        ("ProfilerRuleConfigurations", "rules of the profiler"),
    ],
)
def test_rules_that_watch_a_training_are_left_out(bench: Workbench, name: str, what: str) -> None:
    rule = {"RuleConfigurationName": "Watch", "RuleEvaluatorImage": "1.dkr/rules:1"}
    bench.run("Training", bench.training(WRITE) | {name: [rule]})
    assert f"[local] not done here, but on SageMaker: {what}" in bench.lines


def test_tensorboard_experiments_and_mlflow_are_left_out(bench: Workbench) -> None:
    tensorboard, trial = {"S3OutputPath": bench.uri("board")}, {"ExperimentName": "e", "TrialName": "t"}
    app = {"MlflowResourceArn": "arn:aws:sagemaker:us-east-1:123456789012:mlflow-app/app-1"}
    more = {"TensorBoardOutputConfig": tensorboard, "ExperimentConfig": trial, "MlflowConfig": app}
    bench.run("Training", bench.training(WRITE) | more)
    left = "data for TensorBoard, a trial of an experiment, a run in MLflow"
    assert f"[local] not done here, but on SageMaker: {left}" in bench.lines


@pytest.mark.parametrize(
    "request_",
    [{}, {"NetworkConfig": {"EnableNetworkIsolation": False}}, {"EnableManagedSpotTraining": False}],
)
def test_what_is_off_is_not_mentioned(request_: dict[str, Any]) -> None:
    assert left_out(request_) is None
