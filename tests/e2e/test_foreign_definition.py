"""A definition that this project did not write, as the SDK compiled it, with tiny scripts for its jobs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.command import ROOT, Finished, check_refusal, executions, run
from tests.trap import Trap, surroundings

pytestmark = pytest.mark.e2e

MAKE = """
import argparse, json, pathlib, tarfile
parser = argparse.ArgumentParser()
parser.add_argument("--output", type=pathlib.Path)
folder = parser.parse_args().output
(folder / "scores.json").write_text(json.dumps({"score": 0.75, "kind": "large"}))
(folder / "weights.txt").write_text("1 2 3")
with tarfile.open(folder / "model.tar.gz", "w:gz") as tar:
    tar.add(folder / "weights.txt", "weights.txt")
"""
LEARN = """
import os, pathlib
weights = pathlib.Path(os.environ["SM_CHANNEL_DATA"], "weights.txt").read_text().split()
pathlib.Path(os.environ["SM_MODEL_DIR"], "sum.txt").write_text(str(sum(map(int, weights))))
print("loss=0.25")
"""
# An output and a file of the names that this project's own evaluation has.
JUDGE = """
import json, os, pathlib, sys, tarfile
with tarfile.open("opt/ml/processing/model/model.tar.gz") as tar:
    total = int(tar.extractfile("sum.txt").read())
report = {"regression_metrics": {"mse": {"value": 1 / total}}, "name": os.environ["NAME"]}
pathlib.Path(sys.argv[1], "evaluation.json").write_text(json.dumps(report))
"""


def get(path: str) -> dict[str, str]:
    return {"Get": path}


def document() -> dict[str, Any]:
    """What the SDK compiled (Make → Gate → Register and Create), and a training, a condition and a job on it."""
    compiled = ROOT / "tests" / "pipeline" / "spec" / "compiled_models.json"
    definition: dict[str, Any] = json.loads(compiled.read_text())
    learn = {
        "AlgorithmSpecification": {
            "TrainingImage": "registry.example.com/never/pulled:1",
            "TrainingInputMode": "File",
            "ContainerEntrypoint": ["python3", "/opt/ml/input/data/code/learn.py"],
            "MetricDefinitions": [{"Name": "loss", "Regex": "loss=(.*)"}],
        },
        "InputDataConfig": [
            channel("code", "s3://foreign-bucket/code/learn.py"),
            channel("data", get("Steps.Make.ProcessingOutputConfig.Outputs['made'].S3Output.S3Uri")),
        ],
        "OutputDataConfig": {"S3OutputPath": "s3://foreign-bucket/models"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 30},
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
        "RoleArn": "arn:aws:iam::123456789012:role/jobs",
    }
    judge = {
        **definition["Steps"][0]["Arguments"],
        "AppSpecification": {
            "ImageUri": "an-image",
            "ContainerEntrypoint": ["python3", "/opt/ml/processing/code/judge.py"],
            "ContainerArguments": ["/opt/ml/processing/output"],
        },
        "Environment": {"NAME": get("Execution.PipelineName")},
        "ProcessingInputs": [
            processing_input("code", "s3://elsewhere/judge/"),
            processing_input("model", get("Steps.Learn.ModelArtifacts.S3ModelArtifacts")),
        ],
        "ProcessingOutputConfig": {
            "Outputs": [
                {
                    "OutputName": "evaluation",
                    "S3Output": {
                        "S3Uri": "s3://foreign-bucket/evaluation",
                        "LocalPath": "/opt/ml/processing/output",
                        "S3UploadMode": "EndOfJob",
                    },
                }
            ]
        },
    }
    loss = get("Steps.Learn.FinalMetricDataList['loss'].Value")
    learned = {
        "Conditions": [{"Type": "LessThan", "LeftValue": loss, "RightValue": 0.3}],
        "IfSteps": [{"Name": "Judge", "Type": "Processing", "Arguments": judge}],
        "ElseSteps": [],
    }
    # A step may stand before those that it waits for.
    definition["Steps"].insert(0, {"Name": "Learned", "Type": "Condition", "Arguments": learned})
    definition["Steps"].append({"Name": "Learn", "Type": "Training", "Arguments": learn})
    return definition


def channel(name: str, uri: str | dict[str, str]) -> dict[str, Any]:
    return {
        "ChannelName": name,
        "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri}},
    }


def processing_input(name: str, uri: str | dict[str, str]) -> dict[str, Any]:
    source = {"S3Uri": uri, "LocalPath": f"/opt/ml/processing/{name}", "S3DataType": "S3Prefix"}
    return {"InputName": name, "S3Input": {**source, "S3InputMode": "File"}}


@dataclass(frozen=True)
class Foreign:
    """The definition's file, the state folder, the flags that upload its scripts, and how its runs went, in order:
    `early` before anything was uploaded, `first`, and `missed` with a gate that cannot be passed."""

    file: Path
    home: Path
    uploads: tuple[str | Path, ...]
    early: Finished
    first: Finished
    result: Mapping[str, Any]
    missed: Finished
    missed_result: Mapping[str, Any]
    received: list[str]


@pytest.fixture(scope="module")
def foreign(trap: Trap, tmp_path_factory: pytest.TempPathFactory) -> Foreign:
    folder = tmp_path_factory.mktemp("foreign")
    file, home = folder / "their pipeline.json", folder / "home"
    file.write_text(json.dumps(document()))
    for name, script in {"code/make.py": MAKE, "code/learn.py": LEARN, "judge.py": JUDGE}.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(script)
    uploads = (
        "--upload", f"{folder / 'code'}=s3://foreign-bucket/code",
        "--upload", f"{folder / 'judge.py'}=s3://elsewhere/judge/",
    )  # fmt: skip
    user = surroundings(trap, tmp_path_factory.mktemp("user"), "no-such-profile")
    words = ("run", "--definition", file, "--result")
    early = run(home, *words, folder / "early.json", **user)
    first = run(home, *words, folder / "first.json", *uploads, "--param", "Group=theirs", **user)
    missed = run(home, *words, folder / "missed.json", "--param", "MinimumScore=0.9", **user)
    assert "Traceback" not in early.said + first.said + missed.said
    return Foreign(
        file, home, uploads, early,
        first, json.loads((folder / "first.json").read_text()),
        missed, json.loads((folder / "missed.json").read_text()),
        list(trap.received),
    )  # fmt: skip


def statuses(result: Mapping[str, Any]) -> dict[str, str]:
    return {step["name"]: step["status"] for step in result["steps"]}


def test_inputs_that_are_missing_are_listed_before_anything_starts(foreign: Foreign) -> None:
    check_refusal(
        foreign.early,
        2,
        "$.Steps[1].Arguments.ProcessingInputs[0].S3Input.S3Uri: s3://foreign-bucket/code/make.py",
        "--upload PATH=URI",
    )
    assert len(executions(foreign.home)) == 2


def test_every_step_runs_and_the_model_is_registered(foreign: Foreign) -> None:
    assert foreign.first.status == 0, foreign.first.said
    assert statuses(foreign.result) == {
        "Learned": "Succeeded", "Judge": "Succeeded", "Make": "Succeeded", "Gate": "Succeeded",
        "Register": "Succeeded", "Create": "Succeeded", "Missed": "Skipped", "Learn": "Succeeded",
    }  # fmt: skip
    arn = "arn:aws:sagemaker:us-east-1:123456789012:model-package/theirs/1"
    assert foreign.result["model_package_arn"] == arn
    listed = run(foreign.home, "registry", "list", "--group", "theirs", "--json").json()
    assert [package["model_package_arn"] for package in listed] == [arn]
    assert listed[0]["model_approval_status"] == "PendingManualApproval"
    execution = foreign.result["execution_id"]
    assert listed[0]["model_data_url"] == f"s3://foreign-bucket/{execution}/made/model.tar.gz"
    assert listed[0]["metadata"] == {"execution": execution}


def test_another_projects_evaluation_is_not_taken_for_this_projects(foreign: Foreign) -> None:
    assert foreign.result["candidates"] == []
    assert (foreign.result["winner"], foreign.result["gate"], foreign.result["report"]) == (None, None, None)


def test_the_images_are_not_used_and_the_logs_say_so(foreign: Foreign) -> None:
    execution = foreign.result["execution_id"]
    assert "its image an-image is not used" in run(foreign.home, "logs", execution, "Make").out
    learned = run(foreign.home, "logs", execution, "Learn").out
    assert "its image registry.example.com/never/pulled:1 is not used" in learned
    assert "its image is not run" in run(foreign.home, "logs", execution, "Register").out


def test_uploaded_files_stay_and_parameters_decide_the_branch(foreign: Foreign) -> None:
    assert foreign.missed.status == 1, foreign.missed.said
    assert statuses(foreign.missed_result) == {
        "Learned": "Succeeded", "Judge": "Succeeded", "Make": "Succeeded", "Gate": "Succeeded",
        "Register": "Skipped", "Create": "Skipped", "Missed": "Failed", "Learn": "Succeeded",
    }  # fmt: skip
    assert foreign.missed_result["failure_reason"] == "Step Missed failed: the score is too low"
    assert foreign.missed_result["model_package_arn"] is None


def test_nothing_leaves_the_machine(foreign: Foreign) -> None:
    assert foreign.received == []


def test_the_files_name_is_the_pipelines(foreign: Foreign) -> None:
    shown = run(foreign.home, "show", foreign.result["execution_id"], "--json").json()
    assert shown["execution_id"] == foreign.result["execution_id"]
    # Gate passes because PipelineExperimentConfig.ExperimentName, the pipeline's name, is not the group's.
    named_alike = run(
        foreign.home, "run", "--definition", foreign.file, "--param", "Group=their-pipeline", *foreign.uploads
    )
    assert named_alike.status == 1, named_alike.said
    assert "the score is too low" in named_alike.out


def test_everything_that_is_not_supported_is_listed_at_once(tmp_path: Path) -> None:
    definition = document()
    definition["Version"] = "2030-01-01"
    definition["Steps"][1]["Arguments"]["ProcessingInputs"][0]["S3Input"]["S3InputMode"] = "Pipe"
    definition["Steps"] += [
        {"Name": name, "Type": name, "Arguments": {}} for name in ("AutoML", "EMRServerless", "EMR")
    ]
    definition["Steps"][3]["Arguments"]["HyperParameters"] = {"x": {"Std:Upper": "x"}}
    (tmp_path / "definition.json").write_text(json.dumps(definition))
    check_refusal(
        run(tmp_path / "home", "run", "--definition", tmp_path / "definition.json"),
        2,
        "$.Version: must be one of 2020-12-01, not '2030-01-01'",
        "$.Steps[1].Arguments.ProcessingInputs[0].S3Input.S3InputMode: the local engine supports only 'File'",
        "$.Steps[3].Arguments.HyperParameters.x['Std:Upper']: the local engine knows Get, Std:Join, Std:JsonGet",
        *(
            f"$.Steps[{number}].Type: the local engine executes no {name} steps"
            for number, name in enumerate(("AutoML", "EMRServerless", "EMR"), start=4)
        ),
    )


def test_uploads_are_for_definitions_only(tmp_path: Path) -> None:
    finished = run(tmp_path / "home", "run", "--upload", f"{tmp_path}=s3://bucket/prefix")
    check_refusal(finished, 2, "goes with --definition FILE", "--data DIR")
