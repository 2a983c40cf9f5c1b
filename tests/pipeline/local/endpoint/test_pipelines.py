"""Pipelines and their versions, as boto3 sees them."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

from pipeline.local.endpoint.wire import model
from tests.pipeline.local.endpoint.conftest import BUCKET, ROLE, User, definition, fail_step


def test_a_pipeline_is_created_described_updated_and_deleted(user: User) -> None:
    name = user.create(fail_step(), PipelineDisplayName="Shown", PipelineDescription="About it")
    described = user.sagemaker.describe_pipeline(PipelineName=name)
    assert described["PipelineArn"] == f"arn:aws:sagemaker:us-east-1:123456789012:pipeline/{name.lower()}"
    assert json.loads(described["PipelineDefinition"])["Steps"] == [fail_step()]
    assert (described["PipelineDisplayName"], described["PipelineDescription"]) == ("Shown", "About it")
    assert (described["RoleArn"], described["PipelineStatus"]) == (ROLE, "Active")
    changed = user.sagemaker.update_pipeline(
        PipelineName=name, PipelineDefinition=definition(fail_step("Other")), PipelineDescription="Anew"
    )
    assert changed["PipelineVersionId"] == 2
    described = user.sagemaker.describe_pipeline(PipelineName=described["PipelineArn"])
    assert json.loads(described["PipelineDefinition"])["Steps"] == [fail_step("Other")]
    assert (described["PipelineDisplayName"], described["PipelineDescription"]) == ("Shown", "Anew")
    user.sagemaker.delete_pipeline(PipelineName=name)
    with pytest.raises(user.sagemaker.exceptions.ResourceNotFound, match="does not exist"):
        user.sagemaker.describe_pipeline(PipelineName=name)


def test_a_name_is_given_once_and_the_same_request_twice_is_one(user: User) -> None:
    token = "t" * 32
    first = user.create(fail_step(), ClientRequestToken=token)
    user.sagemaker.create_pipeline(
        PipelineName=first, PipelineDefinition=definition(fail_step()), RoleArn=ROLE, ClientRequestToken=token
    )
    with pytest.raises(ClientError, match=r"ValidationException.*already exists"):
        user.sagemaker.create_pipeline(
            PipelineName=first.upper(), PipelineDefinition=definition(fail_step()), RoleArn=ROLE
        )


def test_versions_are_kept_and_found_by_number_and_alias(user: User) -> None:
    name = user.create(fail_step("A"), PipelineVersionAliases=["prod"])
    user.sagemaker.update_pipeline(PipelineName=name, PipelineDefinition=definition(fail_step("B")))

    def steps(**which: object) -> list[str]:
        text = user.sagemaker.describe_pipeline(PipelineName=name, **which)["PipelineDefinition"]
        return [step["Name"] for step in json.loads(text)["Steps"]]

    assert (steps(), steps(PipelineVersionId=1), steps(PipelineVersionAlias="prod")) == (["B"], ["A"], ["A"])
    arn = user.sagemaker.describe_pipeline(PipelineName=name)["PipelineArn"]
    user.sagemaker.update_pipeline_version(
        PipelineArn=arn,
        PipelineVersionId=2,
        PipelineVersionDisplayName="Second",
        PipelineVersionAliasOperations={"Add": ["prod"]},
    )
    assert steps(PipelineVersionAlias="prod") == ["B"]
    listed = user.sagemaker.list_pipeline_versions(PipelineName=name)["PipelineVersionSummaries"]
    assert [each["PipelineVersionId"] for each in listed] == [2, 1]
    assert [each.get("PipelineVersionAliases") for each in listed] == [["prod"], []]
    assert listed[0]["PipelineVersionDisplayName"] == "Second"
    for which in ({"PipelineVersionId": 3}, {"PipelineVersionAlias": "none"}):
        with pytest.raises(user.sagemaker.exceptions.ResourceNotFound):
            steps(**which)
    for ask in (steps, user.start):
        with pytest.raises(ClientError, match="Only one of PipelineVersionId and PipelineVersionAlias"):
            ask(PipelineVersionId=1, PipelineVersionAlias="prod")
    said = user.end(user.start(PipelineVersionAlias="prod"))
    assert (said["PipelineVersionId"], said["PipelineVersionAliases"]) == (2, ["prod"])
    said = user.end(user.start(PipelineVersionId=1))
    assert (said["PipelineVersionId"], "PipelineVersionAliases" in said) == (1, False)
    with pytest.raises(ClientError, match="leave MlflowExperimentName out"):
        user.start(MlflowExperimentName="mine")


def test_every_operation_on_pipelines_is_answered_or_refused_with_what_to_do(user: User) -> None:
    named = {name for name in model("sagemaker").operation_names if "Pipeline" in name}
    refused = named - {name for service, name in user.server.operations if service == "sagemaker"}
    assert refused == {"SendPipelineExecutionStepSuccess", "SendPipelineExecutionStepFailure"}
    with pytest.raises(ClientError, match=r"sends no callback tokens: run .* --handler STEP=FILE:FUNCTION"):
        user.sagemaker.send_pipeline_execution_step_success(CallbackToken="a" * 10)


def test_lists_come_sorted_filtered_and_in_pages(user: User) -> None:
    prefix = user.name[-40:].strip("-")
    for number in range(5):
        user.sagemaker.create_pipeline(
            PipelineName=f"{prefix}-{number}", PipelineDefinition=definition(fail_step()), RoleArn=ROLE
        )
    pages = user.sagemaker.get_paginator("list_pipelines").paginate(
        PipelineNamePrefix=prefix, SortBy="Name", SortOrder="Ascending", PaginationConfig={"PageSize": 2}
    )
    found = [[each["PipelineName"] for each in page["PipelineSummaries"]] for page in pages]
    assert [len(each) for each in found] == [2, 2, 1]
    assert [name for page in found for name in page] == [f"{prefix}-{number}" for number in range(5)]
    newest = user.sagemaker.list_pipelines(PipelineNamePrefix=prefix, MaxResults=1)["PipelineSummaries"]
    assert [each["PipelineName"] for each in newest] == [f"{prefix}-4"]
    for when, count in (("CreatedAfter", 5), ("CreatedBefore", 0)):
        said = user.sagemaker.list_pipelines(PipelineNamePrefix=prefix, **{when: "2020-01-01T00:00:00Z"})
        assert len(said["PipelineSummaries"]) == count
    with pytest.raises(ClientError, match="NextToken is not one that this server gave"):
        user.sagemaker.list_pipelines(NextToken="made up")


def test_a_definition_can_lie_in_s3(user: User) -> None:
    s3 = user.server.client("s3")
    s3.put_object(Bucket=BUCKET, Key=f"{user.name}.json", Body=definition(fail_step()).encode())
    place = {"Bucket": BUCKET, "ObjectKey": f"{user.name}.json"}
    user.sagemaker.create_pipeline(PipelineName=user.name, PipelineDefinitionS3Location=place, RoleArn=ROLE)
    said = user.sagemaker.describe_pipeline(PipelineName=user.name)["PipelineDefinition"]
    assert said == definition(fail_step())
    with pytest.raises(ClientError, match=f"no object s3://{BUCKET}/nowhere"):
        user.sagemaker.update_pipeline(
            PipelineName=user.name, PipelineDefinitionS3Location={"Bucket": BUCKET, "ObjectKey": "nowhere"}
        )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"PipelineName": "-x"}, "Value at 'PipelineName' failed to satisfy constraint"),
        ({"RoleArn": "somebody, but no role of IAM"}, "Value at 'RoleArn' failed to satisfy constraint"),
        ({"PipelineDefinition": "{"}, "Reading the pipeline definition: .*JSON"),
        ({"PipelineDefinition": '{"Version": "2020-12-01", "Steps": [{"Name": "X"}]}'}, r"\$\.Steps\[0\]"),
    ],
)
def test_what_the_service_would_not_take_is_refused(user: User, changes: dict[str, str], said: str) -> None:
    request = {"PipelineName": user.name, "PipelineDefinition": definition(fail_step()), "RoleArn": ROLE}
    with pytest.raises(ClientError, match=f"(?s)ValidationException.*{said}"):
        user.sagemaker.create_pipeline(**{**request, **changes})


def test_tags_are_those_that_were_given(user: User) -> None:
    user.create(fail_step(), Tags=[{"Key": "a", "Value": "1"}])
    arn = user.sagemaker.describe_pipeline(PipelineName=user.name)["PipelineArn"]
    user.sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "b", "Value": "2"}, {"Key": "a", "Value": "3"}])
    user.sagemaker.delete_tags(ResourceArn=arn, TagKeys=["b"])
    assert user.sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "a", "Value": "3"}]
