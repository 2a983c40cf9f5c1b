"""A pipeline of jobs that take milliseconds, with one of everything, for tests that run it often.

Make ─ Fit-a ─┐
   └── Fit-b ─┴─ Judge ─ Gate ─ good ─ Register ─ Publish
                             └─ bad  ─ Missed (Fail)
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.local.state.cache import output_folders
from pipeline.local.state.objects import Objects
from pipeline.local.state.registry_state import RegistryState
from pipeline.local.state.state_dir import Home
from pipeline.local.state.store import Store

BUCKET = "quick"
CODE = f"s3://{BUCKET}/code"
SCRIPTS = {
    # Writes 6 files.
    "make.py": """
import pathlib
for i in range(6):
    pathlib.Path(f"opt/ml/processing/output/out/{i}.txt").write_text(str(i))
print("made 6 numbers")
""",
    # Sums them up, from its checkpoint on. What it starts would outlive it, if nobody ended it.
    "fit.py": """
import os, pathlib, sys, time
os.spawnlp(os.P_NOWAIT, "sleep", "sleep", "300")
data, model, checkpoint = (pathlib.Path("opt/ml", name) for name in ("input/data/train", "model", "checkpoints/at"))
at, total = map(int, checkpoint.read_text().split()) if checkpoint.exists() else (0, 0)
for i in range(at, 6):
    total += int(sys.argv[1]) * int((data / f"{i}.txt").read_text())
    partial = checkpoint.with_name("partial")
    partial.write_text(f"{i + 1} {total}")
    partial.replace(checkpoint)
    time.sleep(0.05)
(model / "total").write_text(str(total))
print("total", total)
""",
    "judge.py": """
import json, pathlib, tarfile
totals = {}
for name in "ab":
    with tarfile.open(f"opt/ml/processing/input/{name}/model.tar.gz") as tar:
        totals[name] = int(tar.extractfile("total").read())
best = max(totals, key=totals.get)
pathlib.Path("opt/ml/processing/output/out/result.json").write_text(json.dumps({"best": best, **totals}))
""",
    "publish.py": """
import pathlib, sys
pathlib.Path("opt/ml/processing/output/out/published.txt").write_text(sys.argv[1])
""",
}
RESULT = {"best": "b", "a": 15, "b": 30}


def write_code(folder: Path) -> Path:
    """Write the jobs' scripts to `folder`, to be uploaded to CODE."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in SCRIPTS.items():
        (folder / name).write_text(text)
    return folder


def quick_definition() -> str:
    """The compiled definition."""
    made = _get("Steps.Make.ProcessingOutputConfig.Outputs['out'].S3Output.S3Uri")
    total = {"Std:JsonGet": {"PropertyFile": _get("Steps.Judge.PropertyFiles.Result"), "Path": "b"}}
    models = {name: _get(f"Steps.Fit-{name}.ModelArtifacts.S3ModelArtifacts") for name in "ab"}
    package = {
        "ModelPackageGroupName": "quick",
        "ModelPackageDescription": "the better of two",
        "InferenceSpecification": {
            "Containers": [{"Image": "an-image", "ModelDataUrl": models["b"]}],
            "SupportedContentTypes": ["application/json"],
            "SupportedResponseMIMETypes": ["application/json"],
        },
    }
    publish = processing("publish.py", [_get("Steps.Register.ModelPackageArn")], {}, "published")
    steps = [
        {
            **_step("Make", "Processing", processing("make.py", [], {}, "made")),
            "CacheConfig": {"Enabled": True, "ExpireAfter": "P30D"},
        },
        _step("Fit-a", "Training", _training("a", 1, made)),
        _step("Fit-b", "Training", _training("b", 2, made)),
        {
            **_step("Judge", "Processing", processing("judge.py", [], models, "judged")),
            "PropertyFiles": [{"PropertyFileName": "Result", "OutputName": "out", "FilePath": "result.json"}],
        },
        _step(
            "Gate",
            "Condition",
            {
                "Conditions": [
                    {
                        "Type": "GreaterThanOrEqualTo",
                        "LeftValue": total,
                        "RightValue": _get("Parameters.Minimum"),
                    }
                ],
                "IfSteps": [
                    _step("Register", "RegisterModel", package),
                    _step("Publish", "Processing", publish),
                ],
                "ElseSteps": [_step("Missed", "Fail", {"ErrorMessage": "the gate was missed"})],
            },
        ),
    ]
    parameters = [{"Name": "Minimum", "Type": "Integer", "DefaultValue": 30}]
    return json.dumps({"Version": "2020-12-01", "Metadata": {}, "Parameters": parameters, "Steps": steps})


def processing(
    script: str, words: list[Any], inputs: dict[str, Any], output: str, code: str = CODE
) -> dict[str, Any]:
    """A request that runs `script` of `code` on `inputs` (S3 URIs by folder) and uploads what it leaves in out/."""
    uri = {"Std:Join": {"On": "/", "Values": [_runs(), output]}}
    return {
        "AppSpecification": {
            "ImageUri": "an-image",
            "ContainerEntrypoint": ["python3", f"/opt/ml/processing/code/{script}"],
            "ContainerArguments": words,
        },
        "ProcessingInputs": [
            {
                "InputName": name,
                "S3Input": {"S3Uri": source, "LocalPath": f"/opt/ml/processing/{folder}", "S3DataType": "S3Prefix"},
            }
            for name, folder, source in [
                ("code", "code", f"{code}/{script}"),
                *((name, f"input/{name}", source) for name, source in inputs.items()),
            ]
        ],
        "ProcessingOutputConfig": {
            "Outputs": [
                {
                    "OutputName": "out",
                    "S3Output": {
                        "S3Uri": uri,
                        "LocalPath": "/opt/ml/processing/output/out",
                        "S3UploadMode": "EndOfJob",
                    },
                }
            ]
        },
        "ProcessingResources": {
            "ClusterConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1}
        },
        "RoleArn": "arn:aws:iam::123456789012:role/jobs",
    }  # fmt: skip


def _training(name: str, factor: int, data: dict[str, Any]) -> dict[str, Any]:
    channels = {"code": f"{CODE}/fit.py", "train": data}
    return {
        "AlgorithmSpecification": {
            "TrainingImage": "an-image",
            "TrainingInputMode": "File",
            "ContainerEntrypoint": ["python3", "/opt/ml/input/data/code/fit.py", str(factor)],
        },
        "InputDataConfig": [
            {
                "ChannelName": channel,
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri}},
            }
            for channel, uri in channels.items()
        ],
        "OutputDataConfig": {"S3OutputPath": {"Std:Join": {"On": "/", "Values": [_runs(), "models"]}}},
        "CheckpointConfig": {
            "S3Uri": f"s3://{BUCKET}/checkpoints/{name}",
            "LocalPath": "/opt/ml/checkpoints",
        },
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
        "RoleArn": "arn:aws:iam::123456789012:role/jobs",
    }


def _runs() -> dict[str, Any]:
    values = [f"s3://{BUCKET}/runs", _get("Execution.PipelineExecutionId")]
    return {"Std:Join": {"On": "/", "Values": values}}


def _get(path: str) -> dict[str, str]:
    return {"Get": path}


def _step(name: str, type: str, request: dict[str, Any]) -> dict[str, Any]:
    return {"Name": name, "Type": type, "Arguments": request}


@dataclass(frozen=True)
class Results:
    """What an execution left behind, without what may differ from one run to the next (ids, times)."""

    statuses: dict[str, str]
    # SHA-256 by step and key below its output.
    outputs: dict[str, dict[str, str]]
    # Of each package: version, approval, SHA-256 of its model.
    packages: list[tuple[int, str, str]]


def read_results(home: Home) -> Results:
    """What the newest execution of the state folder left.

    Raises:
        AssertionError: a step is said to have succeeded whose outputs are not on disk as they were written.
    """
    with Store(home) as store:
        record = store.load_execution()
        objects = Objects(home, store)
        outputs = {}
        for step in record.steps:
            if step.status == "Succeeded" and step.type in ("Processing", "Training"):
                outputs[step.name] = _digests(objects, output_folders(step.properties))
                assert outputs[step.name], f"{step.name} succeeded and left nothing"
        packages = []
        for package in RegistryState(store).packages():
            assert record.execution_id in package["MetadataProperties"]["GeneratedBy"]
            (model,) = objects.under(package["InferenceSpecification"]["Containers"][0]["ModelDataUrl"])
            packages.append((package["ModelPackageVersion"], package["ModelApprovalStatus"], model.sha256))
        return Results({step.name: step.status for step in record.steps}, outputs, packages)


def _digests(objects: Objects, folders: Iterable[str]) -> dict[str, str]:
    digests = {}
    for folder in folders:
        for stored in objects.under(folder):
            assert objects.damage(stored) is None
            digests[stored.uri.removeprefix(folder)] = stored.sha256
    return digests
