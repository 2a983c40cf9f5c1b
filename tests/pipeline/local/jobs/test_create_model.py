"""Model steps against the local SageMaker."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.errors import StepFailed
from tests.pipeline.local.workbench import Workbench

ROLE = "arn:aws:iam::123456789012:role/pipeline"


def container(bench: Workbench) -> dict[str, Any]:
    uri = bench.put("model", {"model.tar.gz": b"weights"}) + "model.tar.gz"
    return {"Image": "an-image", "ModelDataUrl": uri, "Environment": {"WORKERS": "2"}}


@pytest.mark.parametrize("several", [False, True])
def test_a_model_is_created_under_the_steps_name(bench: Workbench, several: bool) -> None:
    containers: dict[str, Any] = (
        {"Containers": [container(bench)]} if several else {"PrimaryContainer": container(bench)}
    )
    given = {"ExecutionRoleArn": ROLE, "EnableNetworkIsolation": True, **containers}
    name = f"pipelines-{bench.execution_id}-Create"
    properties = bench.run("Model", given, name=name).properties
    arn = f"arn:aws:sagemaker:us-east-1:123456789012:model/{name}"
    assert properties["ModelName"] == name
    assert properties["ModelArn"] == arn
    assert given.items() <= properties.items()
    assert bench.aws.client("sagemaker").describe_model(ModelName=name)["ModelArn"] == arn
    assert f"[local] created the model {name}, which the local SageMaker forgets" in bench.log()


def test_model_data_that_do_not_exist_are_named(bench: Workbench) -> None:
    given = {
        "ExecutionRoleArn": ROLE,
        "PrimaryContainer": {"Image": "i", "ModelDataUrl": "s3://elsewhere/m.tar.gz"},
    }
    with pytest.raises(
        StepFailed, match=r"model data at s3://elsewhere/m.tar.gz in .*--upload PATH=s3://elsewhere"
    ):
        bench.run("Model", given)


def test_a_registered_version_may_be_deployed_if_it_exists(bench: Workbench) -> None:
    package = f"arn:aws:sagemaker:us-east-1:123456789012:model-package/none-{bench.execution_id}/1"
    given = {"ExecutionRoleArn": ROLE, "PrimaryContainer": {"ModelPackageName": package}}
    with pytest.raises(StepFailed, match=f"Looking for the model package {package}"):
        bench.run("Model", given)


def test_a_request_that_sagemaker_would_not_take_fails_the_step(bench: Workbench) -> None:
    given = {"ExecutionRoleArn": ROLE, "PrimaryContainer": {**container(bench), "Mode": 3}}
    with pytest.raises(StepFailed, match=r"Arguments\.PrimaryContainer\.Mode: must be a string, not 3"):
        bench.run("Model", given)
