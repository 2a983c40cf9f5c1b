"""The checks against botocore's model: each kind of mistake, in the fields where it is likely."""

from collections.abc import Callable
from typing import Any

import pytest

from pipeline.spec.validation import validate_definition

INPUTS = "Prepare.Arguments.ProcessingInputs"
WORDS = "Prepare.Arguments.AppSpecification.ContainerArguments"
CLUSTER = "Prepare.Arguments.ProcessingResources.ClusterConfig"
VPC, WITHIN = "Train.Arguments.VpcConfig", {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}
COMMAND = "Train.Arguments.AlgorithmSpecification.ContainerArguments"
EPOCHS = {"Get": "Parameters.Epochs"}
EPOCHS_AS_TEXT = {"Std:Join": {"On": "", "Values": [EPOCHS]}}
HYPERPARAMETERS = "Train.Arguments.HyperParameters"


def an_input(number: int) -> dict[str, Any]:
    place = {
        "S3Uri": "s3://a-bucket/a",
        "LocalPath": f"/opt/ml/processing/in/{number}",
        "S3DataType": "S3Prefix",
    }
    return {"InputName": f"in-{number}", "S3Input": place}


@pytest.mark.parametrize(
    "case",
    [
        ("model-missing", {}, {"Train.Arguments.RoleArn": ...}, ""),
        ("model-missing", {}, {f"{INPUTS}[1].S3Input.S3Uri": ...}, ""),
        ("well-formed", {}, {"Train.Arguments.Hyperparameters": {}}, ""),
        ("model-unknown", {}, {f"{CLUSTER}.Instance": "ml.m5.large"}, ""),
        (
            "model-type",
            {"Prepare.Arguments.Environment.EPOCHS": EPOCHS_AS_TEXT},
            {"Prepare.Arguments.Environment.EPOCHS": EPOCHS},
            "",
        ),
        ("model-type", {"Train.Arguments.Environment.D": "1"}, {"Train.Arguments.Environment.D": True}, ""),
        ("model-type", {f"{WORDS}[1]": EPOCHS_AS_TEXT}, {f"{WORDS}[1]": EPOCHS}, ""),
        ("model-type", {COMMAND: ["--epochs", "3"]}, {f"{COMMAND}[1]": 3}, ""),
        ("model-type", {}, {f"{HYPERPARAMETERS}.epochs": EPOCHS}, ""),
        ("model-type", {f"{HYPERPARAMETERS}.epochs": "3"}, {f"{HYPERPARAMETERS}.epochs": 3}, ""),
        ("model-type", {}, {f"{CLUSTER}.VolumeSizeInGB": "30"}, ""),
        ("model-type", {}, {f"{CLUSTER}.InstanceCount": True}, ""),
        ("model-type", {}, {"Train.Arguments.InputDataConfig": {}}, ""),
        (
            "model-enum",
            {f"{CLUSTER}.InstanceType": "local"},
            {f"{CLUSTER}.InstanceType": "ml.m5.2xlargee"},
            "",
        ),
        ("model-enum", {}, {f"{INPUTS}[0].S3Input.S3DataType": "Prefix"}, ""),
        ("model-pattern", {}, {"Train.Arguments.RoleArn": "arn:aws:iam::12345:role/jobs-of-the-project"}, ""),
        (
            "well-formed",
            {"Train.Arguments.Environment.A_1": ""},
            {"Train.Arguments.Environment.A-1": ""},
            "",
        ),
        ("model-pattern", {f"{WORDS}[1]": "a b"}, {f"{WORDS}[1]": "a\nb"}, ""),
        ("model-length", {f"{WORDS}[1]": "x" * 256}, {f"{WORDS}[1]": "x" * 257}, ""),
        (
            "model-length",
            {"Prepare.Arguments.Environment.LONG": "x" * 256},
            {"Prepare.Arguments.Environment.LONG": "x" * 257},
            "",
        ),
        (
            "model-length",
            {f"{HYPERPARAMETERS}.long": "x" * 2500},
            {f"{HYPERPARAMETERS}.long": "x" * 2501},
            "",
        ),
        ("model-length", {}, {"Train.Arguments.RoleArn": ""}, ""),
        ("model-size", {INPUTS: [an_input(n) for n in range(10)]}, {f"{INPUTS}[+]": an_input(10)}, INPUTS),
        ("model-size", {WORDS: ["x"] * 100}, {f"{WORDS}[+]": "x"}, WORDS),
        ("model-size", {}, {WORDS: []}, ""),
        (
            "model-size",
            {HYPERPARAMETERS: {f"h{n}": "" for n in range(100)}},
            {f"{HYPERPARAMETERS}.one-more": ""},
            HYPERPARAMETERS,
        ),
        (
            "model-size",
            {"Train.Arguments.Tags": [{"Key": str(n), "Value": ""} for n in range(50)]},
            {"Train.Arguments.Tags[+]": {"Key": "one-more", "Value": ""}},
            "Train.Arguments.Tags",
        ),
        ("model-missing", {VPC: WITHIN}, {f"{VPC}.Subnets": ...}, ""),
        ("model-size", {VPC: WITHIN}, {f"{VPC}.SecurityGroupIds": []}, ""),
        ("model-range", {f"{CLUSTER}.InstanceCount": 100}, {f"{CLUSTER}.InstanceCount": 101}, ""),
        ("model-range", {}, {"Train.Arguments.StoppingCondition.MaxRuntimeInSeconds": 0}, ""),
    ],
    ids=lambda case: case[0],
)
def test_the_model_reports_the_change_that_breaks_it(
    breaks: Callable[..., None], case: tuple[Any, ...]
) -> None:
    breaks(*case)


def test_an_unknown_instance_type_is_answered_with_similar_ones(changed: Callable[..., Any]) -> None:
    (problem,) = validate_definition(changed({f"{CLUSTER}.InstanceType": "ml.m5.2xlargee"}))
    assert "ml.m5.2xlarge," in problem.message
    assert len(problem.message) < 200


def test_a_step_needs_no_job_name_but_may_have_one(changed: Callable[..., Any]) -> None:
    assert validate_definition(changed({"Train.Arguments.TrainingJobName": "fashion-mnist"})) == []
    (problem,) = validate_definition(changed({"Train.Arguments.TrainingJobName": "fashion_mnist"}))
    assert problem.rule == "model-pattern"


@pytest.mark.parametrize(
    ("step_type", "arguments", "missing"),
    [
        (
            "Transform",
            {
                "ModelName": "model",
                "TransformInput": {
                    "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://abc/in"}}
                },
                "TransformOutput": {"S3OutputPath": "s3://abc/out"},
                "TransformResources": {"InstanceCount": 1, "InstanceType": "ml.m5.xlarge"},
            },
            "TransformInput",
        ),
        (
            "Model",
            {
                "ExecutionRoleArn": "arn:aws:iam::123456789012:role/jobs",
                "PrimaryContainer": {
                    "Image": "image",
                    "ModelDataUrl": {"Get": "Steps.Train.ModelArtifacts.S3ModelArtifacts"},
                },
                "VpcConfig": {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]},
            },
            "VpcConfig.Subnets",
        ),
        (
            "RegisterModel",
            {
                "ModelPackageGroupName": "models",
                "ModelApprovalStatus": "PendingManualApproval",
                "ModelPackageDescription": "Größer als 90 % – 3×3",
                "CustomerMetadataProperties": {"accuracy": "0.91"},
                "Tags": [{"Key": "équipe", "Value": "été 1"}],
                "InferenceSpecification": {
                    "Containers": [
                        {
                            "Image": "image",
                            "ModelDataUrl": {"Get": "Steps.Train.ModelArtifacts.S3ModelArtifacts"},
                        }
                    ],
                    "SupportedContentTypes": ["application/json"],
                    "SupportedResponseMIMETypes": ["application/json"],
                },
            },
            "InferenceSpecification.Containers",
        ),
    ],
)
def test_other_step_types_are_checked_against_their_own_request(
    changed: Callable[..., Any], step_type: str, arguments: dict[str, Any], missing: str
) -> None:
    step = {"Name": "More", "Type": step_type, "Arguments": arguments}
    assert validate_definition(changed({"Steps[+]": step})) == []
    (problem,) = validate_definition(changed({f"More.Arguments.{missing}": ...}))
    assert problem.rule == "model-missing"
    assert len(validate_definition(changed({"More.Arguments.Nonsense": 1}))) == 2
