"""A definition in a form in which people have it: an answer of AWS's, in UTF-16, without a version or types."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.command import check_refusal, executions, run
from tests.pipeline.local.engine.test_foreign_definitions import EQUAL, condition, processing, training

pytestmark = pytest.mark.e2e

NAME = "import json; print('job', json.load(open('opt/ml/input/config/hyperparameters.json'))['job'])"


def described() -> dict[str, Any]:
    """What DescribePipeline answers for a pipeline whose training prints the name of its job."""
    train = training(
        AlgorithmSpecification={
            "TrainingImage": "an-image",
            "TrainingInputMode": "File",
            "ContainerEntrypoint": ["python3", "-c", NAME],
        },
        HyperParameters={"job": {"Get": "Execution.TrainingJobName"}},
    )
    inner: dict[str, Any] = condition("C", train, entry={"Type": "Not", "Condition": EQUAL})
    for depth in range(30):
        inner = condition(f"C{depth}", inner, entry={**EQUAL, "RightValue": 1})
    definition = {"Parameters": [{"Name": "A", "DefaultValue": "x"}], "Steps": [inner]}
    del train["Arguments"]["RoleArn"]
    return {"PipelineArn": "arn:…", "PipelineName": "faces", "PipelineDefinition": json.dumps(definition)}


def test_the_definition_in_an_answer_of_describe_pipeline_is_run(tmp_path: Path) -> None:
    file = tmp_path / "answer.json"
    file.write_text(json.dumps(described()), encoding="utf-16")

    finished = run(tmp_path / "home", "run", "--definition", file, PYTHONIOENCODING="ascii")

    assert finished.status == 0, finished.said
    (execution,) = executions(tmp_path / "home")
    assert f"{file} describes a pipeline: running the PipelineDefinition in it." in finished.err
    assert "The definition names no Version: it is read as 2020-12-01" in finished.err
    assert "SageMaker's API would refuse this (1 in all;" in finished.err
    assert "Arguments.RoleArn: missing." in finished.err
    log = run(tmp_path / "home", "logs", execution["execution_id"], "T")
    assert f"job pipelines-{execution['execution_id']}-T-" in log.out
    assert "Pipeline    faces, target local" in run(tmp_path / "home", "show").out


def test_what_cannot_run_is_named_at_once_and_nothing_is_started(tmp_path: Path) -> None:
    file = tmp_path / "definition.json"
    bad = {"Name": "L", "Type": "EMR", "Arguments": {}}
    file.write_text(json.dumps({"Steps": [bad, processing(Environment={"A=B": "x" * 100_000})]}))

    finished = run(tmp_path / "home", "run", "--definition", file)

    check_refusal(
        finished,
        2,
        "the local engine executes no EMR steps",
        "'A=B' cannot be an environment variable's name",
    )
    assert executions(tmp_path / "home") == []
