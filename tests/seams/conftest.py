"""What the parts hand to each other: the definition's requests, processed data, a model artifact, an evaluation."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import normalize
from pipeline.analysis.evaluation import Evaluation, Registration
from pipeline.local.jobs.archive import pack_folder
from pipeline.local.state.local_aws import LocalAws
from pipeline.local.state.state_dir import Home
from pipeline.local.state.store import Store
from pipeline.spec.definition import Definition, Step
from pipeline.spec.expressions import resolve
from pipeline.spec.parameters import resolve_parameters
from pipeline.spec.parsing import parse_definition
from tests.conftest import read_idx, write_idx
from tests.shared import made_once

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "pipeline" / "definition.golden.json"
EXECUTION_ID = "0123456789ab"
CANDIDATE, SEED = "cnn-3x3", 0


@dataclass(frozen=True)
class Requests:
    """The definition as an execution would see it: parameters are the defaults, and every step has succeeded."""

    definition: Definition
    parameters: Mapping[str, Any]

    @property
    def execution(self) -> Mapping[str, str]:
        return {"PipelineExecutionId": EXECUTION_ID}

    @property
    def experiment(self) -> Mapping[str, Any]:
        return {}

    def properties(self, step: str) -> Mapping[str, Any]:
        artifacts = {"S3ModelArtifacts": f"s3://bucket/executions/{EXECUTION_ID}/models/{step}/model.tar.gz"}
        return {**self.of(step), "ModelArtifacts": artifacts}

    def property_file(self, step: str, name: str) -> Any:
        raise AssertionError("no job's request here reads a property file")

    def document(self, uri: str) -> Any:
        raise AssertionError("no job's request here reads a document")

    def of(self, step: str) -> Mapping[str, Any]:
        """The request of a step's job, resolved."""
        request: Mapping[str, Any] = resolve(self.definition.step(step).arguments, self)
        return request

    def steps(self, kind: str) -> list[Step]:
        return [step for step in self.definition.steps if step.type == kind]


@pytest.fixture(scope="session")
def requests() -> Requests:
    text = GOLDEN.read_text().replace("<account>", LocalAws.ACCOUNT).replace("<digest>", "0" * 16)
    definition = parse_definition(text)
    return Requests(definition, resolve_parameters(definition, {"InputDataUri": "s3://bucket/raw"}))


@pytest.fixture(scope="session")
def processed(small_data_set: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What NormalizeData makes of 600 training and 200 test images. Read-only: copy it to change it."""

    def make(folder: Path) -> str:
        raw, output = folder / "raw", folder / "processed"
        raw.mkdir()
        for part, count in (("train", 600), ("t10k", 200)):
            for kind in ("images-idx3", "labels-idx1"):
                name = f"{part}-{kind}-ubyte.gz"
                write_idx(raw / name, np.ascontiguousarray(read_idx(small_data_set / name)[:count]))
        normalize.main(normalize.parse_args(["--input", str(raw), "--output", str(output)]))
        return str(output)

    return Path(made_once(tmp_path_factory, "processed", make))


@pytest.fixture(scope="session")
def model_folder(processed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What training leaves for packing. Read-only."""

    def make(folder: Path) -> str:
        (folder / "output").mkdir()
        flags = {"candidate": CANDIDATE, "architecture": "cnn", "kernel-size": 3, "seed": SEED, "epochs": 1}
        flags |= {"batch-size": 32, "train": processed / "train", "validation": processed / "validation"}
        flags |= {"manifest": processed, "model-dir": folder / "model", "output-dir": folder / "output"}
        # In bfloat16 training measures other accuracies than those of the exported model, which is float32.
        flags |= {"checkpoint-dir": folder / "checkpoints", "precision": "float32"}
        words = [word for name, value in flags.items() for word in (f"--{name}", str(value))]
        run_script("training", "train.py", *words)
        return str(folder / "model")

    return Path(made_once(tmp_path_factory, "model", make))


@dataclass(frozen=True)
class Evaluated:
    """The files that evaluate.py wrote, and the package it registered as the registry describes it."""

    document: Evaluation
    registration: Registration
    predictions: Path
    package: dict[str, Any]
    artifact_uri: str
    evaluation_uri: str


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    home = Home.open(tmp_path_factory.mktemp("home"))
    with Store(home) as store, LocalAws(home, store) as aws:
        yield aws


@pytest.fixture(scope="session")
def evaluated(
    model_folder: Path, processed: Path, aws: LocalAws, tmp_path_factory: pytest.TempPathFactory
) -> Evaluated:
    """What evaluate.py makes of the trained model: packed by the engine, read from S3, registered."""
    folder = tmp_path_factory.mktemp("evaluation")
    pack_folder(model_folder, folder / "model.tar.gz")
    prefix = f"executions/{EXECUTION_ID}"
    artifact_uri = f"s3://{aws.BUCKET}/{prefix}/models/job/output/model.tar.gz"
    aws.client("s3").upload_file(
        str(folder / "model.tar.gz"), aws.BUCKET, f"{prefix}/models/job/output/model.tar.gz"
    )
    evaluation_uri = f"s3://{aws.BUCKET}/{prefix}/evaluation"
    outputs = [{"OutputName": "evaluation", "S3Output": {"S3Uri": evaluation_uri}}]
    (folder / "config.json").write_text(json.dumps({"ProcessingOutputConfig": {"Outputs": outputs}}))
    run_script(
        "processing", "evaluate.py",
        "--processed", str(processed), "--output", str(folder / "output"),
        "--candidate", f"{CANDIDATE}-{SEED}={artifact_uri}", "--min-accuracy", "0",
        "--model-package-group", "seams", "--inference-image", "an-image", "--region", aws.REGION,
        "--job-config", str(folder / "config.json"),
        environment=aws.job_environment(),
    )  # fmt: skip
    registration = json.loads((folder / "output" / "registration.json").read_text())
    package = aws.client("sagemaker").describe_model_package(
        ModelPackageName=registration["model_package_arn"]
    )
    return Evaluated(
        document=json.loads((folder / "output" / "evaluation.json").read_text()),
        registration=registration,
        predictions=folder / "output" / "predictions.npz",
        package=package,
        artifact_uri=artifact_uri,
        evaluation_uri=evaluation_uri,
    )


def run_script(folder: str, script: str, *words: str, environment: Mapping[str, str] | None = None) -> None:
    """Run a container's script as a job does: in its folder, with this Python, without the user's settings."""
    surroundings = {"PATH": os.environ["PATH"], "TF_CPP_MIN_LOG_LEVEL": "2", **(environment or {})}
    done = subprocess.run(
        [sys.executable, script, *words],
        cwd=ROOT / folder,
        env=surroundings,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
