"""A small definition that is valid, for tests to break."""

import copy
import functools
import re
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from pipeline.spec.json_path import child
from pipeline.spec.validation import validate_definition

IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/tensorflow-training:2.21.0-cpu-py312"
ROLE = "arn:aws:iam::123456789012:role/jobs"
BUCKET = "s3://a-bucket/project"


def execution_uri(*parts: str) -> dict[str, Any]:
    return {"Std:Join": {"On": "/", "Values": [BUCKET, {"Get": "Execution.PipelineExecutionId"}, *parts]}}


def processing_step(name: str, input_uri: object, arguments: list[Any], output: str) -> dict[str, Any]:
    return {
        "Name": name,
        "Type": "Processing",
        "Arguments": {
            "AppSpecification": {
                "ImageUri": IMAGE,
                "ContainerEntrypoint": ["python3", "/opt/ml/processing/code/run.py"],
                "ContainerArguments": arguments,
            },
            "Environment": {"PYTHONUNBUFFERED": "1"},
            "ProcessingInputs": [
                {
                    "InputName": "code",
                    "S3Input": {
                        "S3Uri": f"{BUCKET}/code/0123/",
                        "LocalPath": "/opt/ml/processing/code",
                        "S3DataType": "S3Prefix",
                        "S3InputMode": "File",
                    },
                },
                {
                    "InputName": "data",
                    "S3Input": {
                        "S3Uri": input_uri,
                        "LocalPath": "/opt/ml/processing/input",
                        "S3DataType": "S3Prefix",
                        "S3InputMode": "File",
                    },
                },
            ],
            "ProcessingOutputConfig": {
                "Outputs": [
                    {
                        "OutputName": output,
                        "S3Output": {
                            "S3Uri": execution_uri(output),
                            "LocalPath": "/opt/ml/processing/output",
                            "S3UploadMode": "EndOfJob",
                        },
                    }
                ]
            },
            "ProcessingResources": {
                "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.xlarge", "VolumeSizeInGB": 30}
            },
            "RoleArn": ROLE,
        },
    }


VALID: dict[str, Any] = {
    "Version": "2020-12-01",
    "Metadata": {},
    "Parameters": [
        {"Name": "Epochs", "Type": "Integer", "DefaultValue": 3},
        {"Name": "InputDataUri", "Type": "String", "DefaultValue": f"{BUCKET}/raw"},
        {
            "Name": "Approval",
            "Type": "String",
            "DefaultValue": "Pending",
            "EnumValues": ["Pending", "Approved"],
        },
        {"Name": "Instance", "Type": "String", "DefaultValue": "ml.g5.xlarge"},
    ],
    "Steps": [
        processing_step("Prepare", {"Get": "Parameters.InputDataUri"}, ["--one-in", "12"], "processed"),
        {
            "Name": "Train",
            "Type": "Training",
            "Arguments": {
                "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
                "HyperParameters": {
                    "epochs": {"Std:Join": {"On": "", "Values": [{"Get": "Parameters.Epochs"}]}},
                    "batch-size": "128",
                },
                "InputDataConfig": [
                    {
                        "ChannelName": "train",
                        "DataSource": {
                            "S3DataSource": {
                                "S3DataType": "S3Prefix",
                                "S3Uri": {
                                    "Get": "Steps.Prepare.ProcessingOutputConfig.Outputs['processed']"
                                    ".S3Output.S3Uri"
                                },
                            }
                        },
                    }
                ],
                "OutputDataConfig": {"S3OutputPath": execution_uri("models")},
                "ResourceConfig": {
                    "InstanceCount": 1,
                    "InstanceType": {"Get": "Parameters.Instance"},
                    "VolumeSizeInGB": 30,
                },
                "RoleArn": ROLE,
                "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
            },
        },
        {
            **processing_step(
                "Evaluate",
                {"Get": "Steps.Prepare.ProcessingOutputConfig.Outputs['processed'].S3Output.S3Uri"},
                ["--model", {"Get": "Steps.Train.ModelArtifacts.S3ModelArtifacts"}],
                "evaluation",
            ),
            "PropertyFiles": [
                {"PropertyFileName": "Report", "OutputName": "evaluation", "FilePath": "evaluation.json"}
            ],
        },
        {
            "Name": "Gate",
            "Type": "Condition",
            "Arguments": {
                "Conditions": [
                    {
                        "Type": "GreaterThanOrEqualTo",
                        "LeftValue": {
                            "Std:JsonGet": {
                                "PropertyFile": {"Get": "Steps.Evaluate.PropertyFiles.Report"},
                                "Path": "accuracy",
                            }
                        },
                        "RightValue": 0.9,
                    }
                ],
                "IfSteps": [],
                "ElseSteps": [
                    {"Name": "Missed", "Type": "Fail", "Arguments": {"ErrorMessage": "The gate was missed."}}
                ],
            },
        },
    ],
}


@pytest.fixture
def definition() -> dict[str, Any]:
    """A fresh copy of a valid definition: Prepare → Train → Evaluate → Gate → Missed."""
    return copy.deepcopy(VALID)


def place(definition: dict[str, Any], path: str) -> list[Any]:
    """The keys of a short path: "Train.Arguments.Tags[0]" (a step by its name), "Parameters[1].Name" (else)."""
    keys = [int(part) if part.isdigit() else part for part in re.split(r"[.\[]", path.replace("]", ""))]
    names = [step.get("Name") for step in definition["Steps"]]
    return ["Steps", names.index(keys[0]), *keys[1:]] if keys[0] in names else keys


def edit(definition: dict[str, Any], changes: dict[str, Any]) -> None:
    """Set each short path to its value; `...` removes what is there, a path that ends in [+] appends."""
    for path, value in changes.items():
        keys = place(definition, path)
        target: Any = definition
        last = keys[-1]
        for key, following in pairwise(keys):
            if isinstance(target, dict):
                target = target.setdefault(key, [] if following == "+" else {})
            else:
                target = target[key]
        if value is ...:
            del target[last]
        elif last == "+":
            target.append(copy.deepcopy(value))
        else:
            target[last] = copy.deepcopy(value)


@pytest.fixture
def changed(definition: dict[str, Any]) -> Callable[..., dict[str, Any]]:
    """The valid definition after changes."""

    def change(*all_changes: dict[str, Any]) -> dict[str, Any]:
        for changes in all_changes:
            edit(definition, changes)
        return definition

    return change


@pytest.fixture
def breaks(changed: Callable[..., dict[str, Any]]) -> Callable[..., None]:
    """Asserts that nothing is wrong after the changes `good`, and that `bad`, made on top, breaks `rule` at a path.

    Without `at` that is the path of the first change of `bad`.
    """

    def check(rule: str, good: dict[str, Any], bad: dict[str, Any], at: str = "") -> None:
        assert [str(problem) for problem in validate_definition(changed(good))] == []
        keys = [] if at == "$" else place(changed(), at or next(iter(bad)))
        expected = functools.reduce(child, keys, "$")
        found = {(problem.rule, problem.path) for problem in validate_definition(changed(bad))}
        assert (rule, expected) in found

    return check
