"""RegisterModel steps against the local Model Registry."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import StepFailed
from pipeline.local.jobs.reaper import Reaper
from pipeline.local.state.local_aws import LocalAws
from pipeline.local.state.registry_state import RegistryState
from pipeline.local.state.state_dir import Home
from pipeline.local.state.store import Store
from tests.pipeline.local.workbench import Workbench


def request(bench: Workbench, **more: Any) -> dict[str, Any]:
    """A CreateModelPackage request for a group of this test, as the SDK compiles it."""
    model = bench.put("model", {"model.tar.gz": b"weights"}) + "model.tar.gz"
    return {
        "ModelPackageGroupName": f"group-{bench.execution_id}",
        "ModelPackageDescription": "a model",
        "CustomerMetadataProperties": {"accuracy": "0.9"},
        "InferenceSpecification": {
            "Containers": [{"Image": "an-image", "ModelDataUrl": model, "Environment": {"WORKERS": "2"}}],
            "SupportedContentTypes": ["application/json"],
            "SupportedResponseMIMETypes": ["application/json"],
        },
        "ModelApprovalStatus": "Approved",
        "SkipModelValidation": "None",
        **more,
    }


def arns(bench: Workbench) -> list[str]:
    listed = bench.aws.client("sagemaker").list_model_packages(
        ModelPackageGroupName=f"group-{bench.execution_id}", SortBy="CreationTime", SortOrder="Ascending"
    )
    return [package["ModelPackageArn"] for package in listed["ModelPackageSummaryList"]]


def test_a_version_of_a_group_that_is_made_for_it_is_registered(bench: Workbench) -> None:
    given = request(bench)
    properties = bench.run("RegisterModel", given).properties
    arn = f"arn:aws:sagemaker:us-east-1:123456789012:model-package/group-{bench.execution_id}/1"
    assert arns(bench) == [arn]
    assert properties["ModelPackageArn"] == arn
    assert properties["ModelPackageVersion"] == 1
    assert properties["ModelPackageStatus"] == "Completed"
    assert properties["ModelApprovalStatus"] == "Approved"
    assert properties["InferenceSpecification"] == given["InferenceSpecification"]
    assert properties["SkipModelValidation"] == "None"
    assert isinstance(properties["CreationTime"], str)
    described = bench.aws.client("sagemaker").describe_model_package(ModelPackageName=arn)
    assert described["CustomerMetadataProperties"] == {"accuracy": "0.9"}
    assert described["ModelPackageDescription"] == "a model"
    log = bench.log()
    assert f"[local] created the model package group group-{bench.execution_id}" in log
    assert f"[local] registered {arn} (Approved); its image is not run" in log
    assert "[local] the local registry does not keep SkipModelValidation" in log
    assert bench.run("RegisterModel", request(bench), step="Other").properties["ModelPackageVersion"] == 2


def test_what_the_service_fills_in_is_filled_in(bench: Workbench) -> None:
    given = request(bench, MetadataProperties={"CommitId": "abc"})
    del given["ModelApprovalStatus"]
    properties = bench.run("RegisterModel", given).properties
    assert properties["ModelApprovalStatus"] == "PendingManualApproval"
    assert properties["MetadataProperties"] == {"CommitId": "abc", "GeneratedBy": bench.execution_arn}


def test_a_group_may_be_named_by_its_arn(bench: Workbench) -> None:
    name = f"group-{bench.execution_id}"
    arn = f"arn:aws:sagemaker:us-east-1:123456789012:model-package-group/{name}"
    bench.run("RegisterModel", request(bench, ModelPackageGroupName=arn))
    assert len(arns(bench)) == 1


def test_a_step_that_is_repeated_finds_the_version_it_made(bench: Workbench) -> None:
    first = bench.run("RegisterModel", request(bench), name="attempt-1").properties
    # Somebody may have judged it meanwhile.
    bench.aws.client("sagemaker").update_model_package(
        ModelPackageArn=first["ModelPackageArn"], ModelApprovalStatus="Rejected"
    )
    bench.aws.persist_registry()
    again = bench.run("RegisterModel", request(bench), name="attempt-2").properties
    assert again["ModelPackageArn"] == first["ModelPackageArn"]
    assert again["ModelApprovalStatus"] == "Rejected"
    other = bench.run("RegisterModel", request(bench, ModelPackageDescription="another"), name="attempt-3")
    assert other.properties["ModelPackageVersion"] == 2


def test_steps_side_by_side_register_one_version_each(bench: Workbench) -> None:
    requests = [request(bench, ModelPackageDescription=str(i)) for i in range(4)]
    with ThreadPoolExecutor(4) as threads:
        outcomes = list(
            threads.map(lambda i: bench.run("RegisterModel", requests[i], step=f"S{i}"), range(4))
        )
    assert sorted(outcome.properties["ModelPackageVersion"] for outcome in outcomes) == [1, 2, 3, 4]
    assert bench.log("S0").count("created") + bench.log("S1").count("created") <= 1


def test_a_registered_version_outlives_the_command(tmp_path: Path, local_reaper: Reaper) -> None:
    home = Home.open(tmp_path / "home")
    with Store(home) as store, LocalAws(home, store) as aws:
        first = Workbench(home, aws, local_reaper)
        given = request(first)
        aws.save_objects()
        properties = first.run("RegisterModel", given).properties
    with Store(home) as store, LocalAws(home, store) as aws:
        assert [package["ModelPackageArn"] for package in RegistryState(store).packages()] == [
            properties["ModelPackageArn"]
        ]
        second = Workbench(home, aws, local_reaper)
        assert second.run("RegisterModel", given).properties["ModelPackageVersion"] == 2


@pytest.mark.parametrize("form", ["ModelDataUrl", "ModelDataSource"])
def test_model_data_that_do_not_exist_are_named_with_the_flag_that_puts_them_there(
    bench: Workbench, form: str
) -> None:
    uri = "s3://elsewhere/model.tar.gz"
    source = {"S3DataSource": {"S3Uri": uri, "S3DataType": "S3Object", "CompressionType": "Gzip"}}
    given = request(bench)
    given["InferenceSpecification"]["Containers"] = [
        {"Image": "i", form: uri if form == "ModelDataUrl" else source}
    ]
    with pytest.raises(StepFailed, match=f"There is no model data at {uri} in .*--upload PATH={uri}"):
        bench.run("RegisterModel", given)


def test_a_request_that_sagemaker_would_not_take_fails_the_step(bench: Workbench) -> None:
    with pytest.raises(
        StepFailed, match=r"(?s)Registering a model in the group .* refused the request: .*Unknown parameter"
    ):
        bench.run("RegisterModel", request(bench, InferenceSpecification={"Container": []}))
    assert arns(bench) == []
