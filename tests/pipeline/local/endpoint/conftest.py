"""A local SageMaker for the tests of this folder, whose answers are held against botocore's model."""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pipeline.execution import EXECUTION_ENDS
from pipeline.local.endpoint.engine import Choices
from pipeline.local.jobs.job import Graces
from pipeline.local.local_sagemaker import LocalSageMaker, local_sagemaker
from tests.pipeline.inference.predicting.tiny_model import save_model, write_artifact

ROLE = "arn:aws:iam::123456789012:role/anybody"
BUCKET = "sagemaker-us-east-1-123456789012"
# How botocore's waiters ask: what takes AWS minutes is here done at once, or in a second.
QUICKLY = {"Delay": 0.1, "MaxAttempts": 1200}
QUICK = Choices(graces=Graces(limit=1.0, stop=1.0, checkpoints=0.2))


def shell_step(name: str, script: str, **more: Any) -> dict[str, Any]:
    """A Processing step that runs a line of shell; what it leaves in /opt/ml/processing/o is its output."""
    arguments = {
        "AppSpecification": {
            "ImageUri": "image",
            "ContainerEntrypoint": ["sh", "-c"],
            "ContainerArguments": [script],
        },
        "ProcessingResources": {
            "ClusterConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 1}
        },
        "RoleArn": ROLE,
    }
    return {"Name": name, "Type": "Processing", "Arguments": arguments, **more}


def fail_step(name: str = "No") -> dict[str, Any]:
    """A step that fails without a job."""
    return {"Name": name, "Type": "Fail", "Arguments": {"ErrorMessage": f"{name} fails"}}


def definition(*steps: dict[str, Any], parameters: tuple[dict[str, Any], ...] = ()) -> str:
    return json.dumps({"Version": "2020-12-01", "Parameters": list(parameters), "Steps": list(steps)})


@dataclass(frozen=True)
class User:
    """Somebody with clients of the server, and names of his own."""

    server: LocalSageMaker
    name: str
    sagemaker: Any
    logs: Any

    def create(self, *steps: dict[str, Any], **more: Any) -> str:
        """A pipeline called as the test is; returns its name."""
        text = definition(*steps, parameters=more.pop("parameters", ()))
        self.sagemaker.create_pipeline(PipelineName=self.name, PipelineDefinition=text, RoleArn=ROLE, **more)
        return self.name

    def start(self, **more: Any) -> str:
        return str(
            self.sagemaker.start_pipeline_execution(PipelineName=self.name, **more)["PipelineExecutionArn"]
        )

    def end(self, arn: str) -> dict[str, Any]:
        """The execution, once it has ended."""
        said: dict[str, Any] = until(
            lambda: self.sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn),
            lambda said: said["PipelineExecutionStatus"] in EXECUTION_ENDS,
        )
        return said

    def steps(self, arn: str, **more: Any) -> dict[str, dict[str, Any]]:
        pages = self.sagemaker.get_paginator("list_pipeline_execution_steps").paginate(
            PipelineExecutionArn=arn, **more
        )
        return {step["StepName"]: step for page in pages for step in page["PipelineExecutionSteps"]}


def until(ask: Any, holds: Any) -> Any:
    """The first answer that holds."""
    deadline = time.monotonic() + 120
    while not holds(said := ask()):
        assert time.monotonic() < deadline, said
        time.sleep(0.05)
    return said


@pytest.fixture(scope="session")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model.tar.gz with a SavedModel, whose answers can be reckoned by hand."""
    folder = tmp_path_factory.mktemp("tiny")
    save_model(folder / "model" / "1")
    write_artifact(folder / "model", folder / "model.tar.gz")
    return folder / "model.tar.gz"


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalSageMaker]:
    with local_sagemaker(
        Path(tmp_path_factory.mktemp("sagemaker") / "state"), choices=QUICK, check=True
    ) as server:
        yield server


@pytest.fixture(scope="session")
def clients(server: LocalSageMaker) -> tuple[Any, Any]:
    """Of SageMaker and of CloudWatch Logs: making them takes longer than most tests."""
    return server.client("sagemaker"), server.client("logs")


@pytest.fixture
def user(server: LocalSageMaker, clients: tuple[Any, Any], request: pytest.FixtureRequest) -> User:
    node = request.node
    name = f"{node.originalname}-{zlib.crc32(node.nodeid.encode())}".replace("_", "-")[-80:].strip("-")
    return User(server, name, *clients)
