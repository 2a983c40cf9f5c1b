"""What moto does that S3 and SageMaker do not: the rows of docs/differences.md that are moto's."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

import pytest
from moto.sagemaker.responses import SageMakerResponse

from pipeline.local.state.local_aws import LocalAws
from tests.moto_process import moto_process

ROLE = "arn:aws:iam::123456789012:role/Any"
TOKEN = "t" * 36
SPECIFICATION = {
    "Containers": [{"Image": "image", "ModelDataUrl": "s3://bucket/model.tar.gz"}],
    "SupportedContentTypes": ["application/json"],
    "SupportedResponseMIMETypes": ["application/json"],
}


@pytest.fixture(scope="module")
def sagemaker(local_aws: LocalAws) -> Any:
    return local_aws.client("sagemaker")


@pytest.fixture(scope="module")
def s3(local_aws: LocalAws) -> Any:
    local_aws.ensure_bucket("moto-alone")
    return local_aws.client("s3")


@pytest.mark.parametrize(
    "operation",
    [
        "list_pipeline_execution_steps",
        "stop_pipeline_execution",
        "retry_pipeline_execution",
        "stop_training_job",
        "delete_model_package",
        "delete_model_package_group",
        "update_endpoint",
    ],
)
def test_an_operation_is_missing(operation: str) -> None:
    assert not hasattr(SageMakerResponse, operation)


def test_any_text_is_a_definition_and_its_execution_has_succeeded_at_once(sagemaker: Any) -> None:
    sagemaker.create_pipeline(
        PipelineName="moto-any", PipelineDefinition="no JSON", RoleArn=ROLE, ClientRequestToken=TOKEN
    )
    started = sagemaker.start_pipeline_execution(PipelineName="moto-any", ClientRequestToken=TOKEN)
    described = sagemaker.describe_pipeline_execution(PipelineExecutionArn=started["PipelineExecutionArn"])
    assert described["PipelineExecutionStatus"] == "Succeeded"


def test_one_token_starts_two_executions(sagemaker: Any) -> None:
    sagemaker.create_pipeline(
        PipelineName="moto-token", PipelineDefinition="{}", RoleArn=ROLE, ClientRequestToken=TOKEN
    )
    arns = {
        sagemaker.start_pipeline_execution(PipelineName="moto-token", ClientRequestToken=TOKEN)[
            "PipelineExecutionArn"
        ]
        for _ in range(2)
    }
    assert len(arns) == 2


def test_executions_are_gone_with_their_pipeline(sagemaker: Any) -> None:
    sagemaker.create_pipeline(
        PipelineName="moto-gone", PipelineDefinition="{}", RoleArn=ROLE, ClientRequestToken=TOKEN
    )
    arn = sagemaker.start_pipeline_execution(PipelineName="moto-gone")["PipelineExecutionArn"]
    sagemaker.delete_pipeline(PipelineName="moto-gone")
    with pytest.raises(sagemaker.exceptions.ClientError, match="Could not find pipeline"):
        sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)


def test_a_job_is_done_at_once_and_its_name_can_be_used_again(sagemaker: Any) -> None:
    for image in ("first", "second"):
        sagemaker.create_training_job(
            TrainingJobName="moto-job",
            RoleArn=ROLE,
            AlgorithmSpecification={"TrainingImage": image, "TrainingInputMode": "File"},
            OutputDataConfig={"S3OutputPath": "s3://bucket/models"},
            ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
            StoppingCondition={"MaxRuntimeInSeconds": 60},
        )
    described = sagemaker.describe_training_job(TrainingJobName="moto-job")
    assert described["TrainingJobStatus"] == "Completed"
    assert described["AlgorithmSpecification"]["TrainingImage"] == "second"


def test_one_token_registers_two_versions_and_a_card_is_dropped(sagemaker: Any) -> None:
    sagemaker.create_model_package_group(ModelPackageGroupName="moto-group")
    arns = [
        sagemaker.create_model_package(
            ModelPackageGroupName="moto-group",
            InferenceSpecification=SPECIFICATION,
            ClientToken=TOKEN,
            ModelCard={"ModelCardContent": "{}", "ModelCardStatus": "Draft"},
        )["ModelPackageArn"]
        for _ in range(2)
    ]
    assert [arn.rsplit("/", 1)[1] for arn in arns] == ["1", "2"]
    assert "ModelCard" not in sagemaker.describe_model_package(ModelPackageName=arns[0])


def test_approving_erases_the_metadata(sagemaker: Any) -> None:
    sagemaker.create_model_package_group(ModelPackageGroupName="moto-metadata")
    arn = sagemaker.create_model_package(
        ModelPackageGroupName="moto-metadata",
        InferenceSpecification=SPECIFICATION,
        CustomerMetadataProperties={"report": "s3://bucket/report.html"},
    )["ModelPackageArn"]
    sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
    assert not sagemaker.describe_model_package(ModelPackageName=arn).get("CustomerMetadataProperties")


def test_a_version_wants_a_group_that_is_there(sagemaker: Any) -> None:
    with pytest.raises(sagemaker.exceptions.ClientError, match="Model Package Group does not exist"):
        sagemaker.create_model_package(
            ModelPackageGroupName="moto-none", InferenceSpecification=SPECIFICATION
        )


def test_an_endpoint_that_is_not_there_answers(local_aws: LocalAws) -> None:
    answer = local_aws.client("sagemaker-runtime").invoke_endpoint(EndpointName="moto-none", Body=b"1")
    assert answer["Body"].read() == b"body"


def test_a_wrong_checksum_is_accepted(s3: Any) -> None:
    s3.put_object(Bucket="moto-alone", Key="wrong", Body=b"content", ContentMD5="1B2M2Y8AsgTpgAmY7PhCfg==")
    assert s3.head_object(Bucket="moto-alone", Key="wrong")["ContentLength"] == 7


def test_s3s_limits_are_not_kept(s3: Any) -> None:
    key = "k" * 1025
    s3.put_object(Bucket="moto-alone", Key=key, Body=b"", Metadata={"long": "x" * 3000})
    assert s3.head_object(Bucket="moto-alone", Key=key)["Metadata"] == {"long": "x" * 3000}
    named = [{"Key": f"none-{number}"} for number in range(1001)]
    assert len(s3.delete_objects(Bucket="moto-alone", Delete={"Objects": named})["Deleted"]) == 1001


def test_it_answers_whoever_asks_and_pages_of_any_site() -> None:
    with moto_process() as url:
        asked = urllib.request.Request(url, headers={"Origin": "http://page.example"})
        with urllib.request.urlopen(asked) as answer:
            assert answer.headers["Access-Control-Allow-Origin"] == "http://page.example"
        with urllib.request.urlopen(f"{url}/moto-api/data.json") as answer:
            assert json.load(answer)
