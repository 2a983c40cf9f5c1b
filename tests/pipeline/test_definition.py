"""The compiled definition: golden, repeatable, and valid before AWS sees it. Compiles once for the module."""

import json
import os
import re
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from pipeline.compiling import compile_definition
from pipeline.settings import local_settings
from pipeline.validation import check_definition

GOLDEN = Path(__file__).parent / "definition.golden.json"
ACCOUNT, REGION = "123456789012", "us-east-1"


@pytest.fixture(scope="module")
def compiled():
    with mock_aws():
        session = boto3.Session(region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test")
        settings = local_settings(ACCOUNT, REGION)
        session.client("s3").create_bucket(Bucket=settings.bucket)

        def compile_with(**choices):
            return compile_definition(local_settings(ACCOUNT, REGION, **choices), session)

        yield compile_with


def normalized(text: str) -> str:
    """The definition without what differs between accounts and versions of the code."""
    text = re.sub(r"/code/([a-z_/]+)/[0-9a-f]{16}/", r"/code/\1/<digest>/", text)
    text = re.sub(r"/checkpoints/[0-9a-f]{16}/", "/checkpoints/<digest>/", text)
    return text.replace(ACCOUNT, "<account>")


def steps(text: str) -> dict[str, Any]:
    return {step["Name"]: step for step in json.loads(text)["Steps"]}


def test_the_definition_is_the_golden_one(compiled):
    """After a wanted change: UPDATE_GOLDEN=1 make test, and read the difference before you commit it."""
    text = normalized(compiled())
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(text)
    assert text == GOLDEN.read_text()


def test_compiling_twice_gives_identical_bytes(compiled):
    assert compiled() == compiled()


def test_it_is_valid_for_the_service_model_and_the_rules(compiled):
    check_definition(
        json.loads(compiled(candidates=("baseline", "cnn-3x3", "cnn-5x5"), seeds=tuple(range(5))))
    )


def test_every_candidate_is_trained_under_every_seed(compiled):
    names = steps(compiled(candidates=("cnn-3x3", "baseline"), seeds=(0, 1)))
    trained = [name for name in names if name.startswith("Train-")]
    assert trained == ["Train-cnn-3x3-0", "Train-baseline-0", "Train-cnn-3x3-1", "Train-baseline-1"]


def test_more_instances_change_how_many_hosts_a_training_has_and_nothing_else(compiled):
    one, two = steps(compiled()), steps(compiled(training_instance_count=2))
    for name, step in two.items():
        if name.startswith("Train-"):
            assert step["Arguments"]["ResourceConfig"].pop("InstanceCount") == 2
            assert one[name]["Arguments"]["ResourceConfig"].pop("InstanceCount") == 1
    assert two == one


def test_candidates_differ_in_hyperparameters_and_checkpoint_folder_alone(compiled):
    by_name = steps(compiled())
    small, large = by_name["Train-cnn-3x3-0"]["Arguments"], by_name["Train-cnn-5x5-0"]["Arguments"]
    differing = {key for key in small if small[key] != large[key]}
    assert differing == {"HyperParameters", "CheckpointConfig"}
    hyperparameters = small["HyperParameters"]
    assert {k for k, v in hyperparameters.items() if large["HyperParameters"][k] != v} == {
        "candidate",
        "kernel-size",
    }


def test_the_sdk_sends_no_telemetry_and_the_defaults_are_gpu_instances(compiled):
    defaults = {item["Name"]: item["DefaultValue"] for item in json.loads(compiled())["Parameters"]}
    assert defaults["TrainingInstanceType"] == "ml.g5.xlarge"
    assert defaults["ProcessingInstanceType"] == "ml.m5.xlarge"
    assert "2.21.0-gpu" in defaults["TrainingImageUri"]
    assert defaults["ModelApprovalStatus"] == "PendingManualApproval"


def test_only_outputs_carry_the_execution_id(compiled):
    for step in json.loads(compiled())["Steps"]:
        if step["Type"] not in ("Processing", "Training"):
            continue
        arguments = dict(step["Arguments"])
        for key in ("ProcessingOutputConfig", "OutputDataConfig"):
            arguments.pop(key, None)
        assert "PipelineExecutionId" not in json.dumps(arguments), step["Name"]
