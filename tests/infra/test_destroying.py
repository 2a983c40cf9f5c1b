"""`destroy`: nothing that people made is lost unasked, and what would not go is named."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.stub import ANY

from infra.destroying import destroy
from infra.holdings import COUNTED
from infra.stack import InfraError
from pipeline.errors import UsageError
from tests.infra.stubbed_account import NOW, StubbedAccount

GROUP = "arn:aws:sagemaker:us-east-1:123456789012:model-package-group/fashion-mnist"
ENDPOINT = "arn:aws:sagemaker:us-east-1:123456789012:endpoint"
PIPELINE = "arn:aws:sagemaker:us-east-1:123456789012:pipeline"
PACKAGE = "arn:aws:sagemaker:us-east-1:123456789012:model-package/fashion-mnist/1"
RESOURCES = {
    "Bucket": "data",
    "LogBucket": "logs",
    "ModelPackageGroup": GROUP,
    "Repository": "images",
    "Key": "0a",
}
LOG_GROUPS = {
    "TrainingLogGroup": "/aws/sagemaker/TrainingJobs",
    "ProcessingLogGroup": "/aws/sagemaker/ProcessingJobs",
}
GONE = ("", "DELETE_COMPLETE", "")


def run(account: StubbedAccount, answer: str | None = None, **options: bool) -> int:
    chosen: dict[str, Any] = {"delete_data": False, "certain": answer is None, **options}
    return destroy(account.aws(), account.stack(), talk=account.talk(answer), **chosen)


def versions(count: int, **more: Any) -> dict[str, Any]:
    listed = [{"Key": f"k{index}", "VersionId": "v"} for index in range(count)]
    return {"Versions": listed, **more}


def holds(account: StubbedAccount, data: int = 0, logs: int = 0, packages: int = 0, images: int = 0) -> None:
    """The answers to looking at each place once."""
    account.on("s3", "list_object_versions", versions(data), Bucket="data")
    account.on("s3", "list_object_versions", versions(logs), Bucket="logs")
    holds_packages(account, packages)
    holds_images(account, images)
    holds_pipeline(account, "fashion-mnist-of-others")


def holds_packages(account: StubbedAccount, count: int) -> None:
    package = {"ModelPackageArn": PACKAGE, "CreationTime": NOW, "ModelPackageStatus": "Completed"}
    answer = {"ModelPackageSummaryList": [package] * count}
    account.on("sagemaker", "list_model_packages", answer, ModelPackageGroupName="fashion-mnist")


def holds_images(account: StubbedAccount, count: int) -> None:
    answer = {"imageIds": [{"imageDigest": "sha256:0"}] * count} if count else {}
    account.on("ecr", "list_images", answer, repositoryName="images")


def holds_pipeline(
    account: StubbedAccount,
    name: str,
    *endpoints: str,
    pipeline_tag: str = "fashion-mnist",
    running: tuple[tuple[str, str], ...] = (),
    made: tuple[str, ...] = (),
) -> None:
    """The answers to looking for the pipeline, what runs of it, and what is hosted."""
    finds_pipeline(account, name, pipeline_tag)
    if name == pipeline_tag == "fashion-mnist":
        runs(account, *running)
    hosts(account, *endpoints, made=made)


def finds_pipeline(account: StubbedAccount, name: str, pipeline_tag: str = "fashion-mnist") -> None:
    listed = {"PipelineName": name, "PipelineArn": f"{PIPELINE}/{name}"}
    account.on(
        "sagemaker", "list_pipelines", {"PipelineSummaries": [listed]}, PipelineNamePrefix="fashion-mnist"
    )
    if name == "fashion-mnist":
        tags = [{"Key": "Project", "Value": "images"}, {"Key": "Pipeline", "Value": pipeline_tag}]
        account.on("sagemaker", "list_tags", {"Tags": tags}, ResourceArn=f"{PIPELINE}/{name}")


def runs(account: StubbedAccount, *executions: tuple[str, str]) -> None:
    """The answer to looking for executions, of which one has ended."""
    listed = [
        {
            "PipelineExecutionArn": f"{PIPELINE}/fashion-mnist/execution/{each}",
            "PipelineExecutionStatus": status,
        }
        for each, status in (("past", "Succeeded"), *executions)
    ]
    account.on(
        "sagemaker",
        "list_pipeline_executions",
        {"PipelineExecutionSummaries": listed},
        PipelineName="fashion-mnist",
    )


def hosts(account: StubbedAccount, *endpoints: str, made: tuple[str, ...] = ()) -> None:
    """The answers to looking for endpoints, and configurations and models called `made`; others have some, too."""
    about = {"EndpointStatus": "InService", "CreationTime": NOW, "LastModifiedTime": NOW}
    names = ("their-fashion-mnist", "fashion-mnist-prod", *endpoints)
    found = [{"EndpointName": each, "EndpointArn": f"{ENDPOINT}/{each}", **about} for each in names]
    account.on("sagemaker", "list_endpoints", {"Endpoints": found}, NameContains="fashion-mnist")
    for each in names[1:]:
        tagged(account, f"{ENDPOINT}/{each}", "fashion-mnist" if each in endpoints else each)
    for operation, kind in (("list_endpoint_configs", "EndpointConfig"), ("list_models", "Model")):
        names = ("fashion-mnistic-1", "fashion-mnist-prod-1", *made)
        found = [
            {f"{kind}Name": each, f"{kind}Arn": f"{ENDPOINT}-{kind}/{each}", "CreationTime": NOW}
            for each in names
        ]
        account.on("sagemaker", operation, {f"{kind}s": found}, NameContains="fashion-mnist")
        for each in names[1:]:
            project = "fashion-mnist" if each in made else "fashion-mnist-prod"
            tagged(account, f"{ENDPOINT}-{kind}/{each}", project)


def tagged(account: StubbedAccount, arn: str, project: str) -> None:
    tags = [{"Key": "Endpoint", "Value": "fashion-mnist"}, {"Key": "Project", "Value": project}]
    account.on("sagemaker", "list_tags", {"Tags": tags}, ResourceArn=arn)


def goes(account: StubbedAccount, name: str, *before: str) -> None:
    """The endpoint is looked at until it is in none of the states `before`, deleted, and looked at until gone."""
    for status in (*before, "InService"):
        account.on("sagemaker", "describe_endpoint", described(name, status), EndpointName=name)
    variant = {
        "ServiceNamespace": "sagemaker",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
        "ResourceId": f"endpoint/{name}/variant/AllTraffic",
    }
    asked = {key: variant[key] for key in variant if key != "ResourceId"}
    target = {**variant, "MinCapacity": 1, "MaxCapacity": 3, "RoleARN": "scales", "CreationTime": NOW}
    scaling, targets = "application-autoscaling", {"ScalableTargets": [target]}
    account.on(scaling, "describe_scalable_targets", targets, ResourceIds=[variant["ResourceId"]], **asked)
    account.on(scaling, "describe_scaling_policies", {"ScalingPolicies": []}, **variant)
    account.on(scaling, "deregister_scalable_target", {}, **variant)
    account.on("sagemaker", "delete_endpoint", {}, EndpointName=name)
    account.on("sagemaker", "describe_endpoint", described(name, "Deleting"), EndpointName=name)
    account.fails("sagemaker", "describe_endpoint", "ValidationException", f"Could not find endpoint {name}")


def described(name: str, status: str) -> dict[str, Any]:
    about = {"CreationTime": NOW, "LastModifiedTime": NOW, "EndpointConfigName": f"{name}-1"}
    return {"EndpointName": name, "EndpointArn": f"{ENDPOINT}/{name}", "EndpointStatus": status, **about}


@pytest.mark.parametrize("policy", ["Delete", None])
def test_logs_of_all_the_accounts_jobs_do_not_go_with_a_stack_of_an_older_version(
    account: StubbedAccount, policy: str | None
) -> None:
    """Deleting the stack is not expected here: it fails the test."""
    account.is_("CREATE_COMPLETE", {"Project": "fashion-mnist"})
    account.has_resources({**RESOURCES, **LOG_GROUPS})
    resources = {
        "TrainingLogGroup": {"DeletionPolicy": policy} if policy else {},
        "ProcessingLogGroup": {"DeletionPolicy": "Retain"},
    }
    template = json.dumps({"Resources": resources})
    account.on("cloudformation", "get_template", {"TemplateBody": template}, StackName="fashion-mnist")
    with pytest.raises(
        InfraError, match=r"deployed, /aws/sagemaker/TrainingJobs would go with it.* infra deploy"
    ):
        run(account, delete_data=True)


def test_a_stack_that_keeps_those_logs_goes(account: StubbedAccount) -> None:
    account.is_("CREATE_COMPLETE", {"Project": "fashion-mnist"})
    account.has_resources(LOG_GROUPS)
    template = json.dumps({"Resources": {name: {"DeletionPolicy": "Retain"} for name in LOG_GROUPS}})
    account.on("cloudformation", "get_template", {"TemplateBody": template}, StackName="fashion-mnist")
    holds_pipeline(account, "other")
    account.happened()
    account.on("cloudformation", "delete_stack", {})
    account.happened(GONE)
    account.is_("DELETE_COMPLETE")
    account.fails("s3", "head_bucket", "404", "Not Found")
    assert run(account) == 0


def test_a_pipeline_of_the_same_name_that_somebody_else_made_is_left_alone(account: StubbedAccount) -> None:
    """Deleting it is not expected here: it fails the test."""
    account.is_("CREATE_COMPLETE", {"Project": "fashion-mnist"})
    account.has_resources({})
    holds_pipeline(account, "fashion-mnist", pipeline_tag="theirs")
    account.happened()
    account.on("cloudformation", "delete_stack", {})
    account.happened(GONE)
    account.is_("DELETE_COMPLETE")
    account.fails("s3", "head_bucket", "404", "Not Found")
    assert run(account, delete_data=True) == 0
    assert not [line for line in account.shown if "pipeline" in line]


def test_an_mlflow_app_holds_runs_however_many(account: StubbedAccount) -> None:
    account.is_("CREATE_COMPLETE", {"Project": "fashion-mnist"})
    account.has_resources({"MlflowApp": "arn:aws:sagemaker:us-east-1:123456789012:mlflow-app/app-0"})
    holds_pipeline(account, "other")
    with pytest.raises(InfraError, match="resources hold what is listed"):
        run(account)
    assert "  MLflow app app-0: its experiments and runs" in account.shown


def test_an_empty_stack_goes_once_its_name_is_typed(account: StubbedAccount) -> None:
    account.is_("CREATE_COMPLETE", EnableTerminationProtection=True)
    account.has_resources(RESOURCES)
    holds(account)
    account.happened()
    account.on(
        "cloudformation",
        "update_termination_protection",
        {},
        StackName="fashion-mnist",
        EnableTerminationProtection=False,
    )
    account.on("cloudformation", "delete_stack", {}, StackName="fashion-mnist")
    account.happened(GONE)
    account.is_("DELETE_COMPLETE")
    account.fails("s3", "head_bucket", "404", "Not Found")
    assert run(account, "fashion-mnist\n") == 0
    assert account.asked == ["This deletes the stack. Type fashion-mnist to go on: "]
    assert account.said[-2:] == [
        "The stack fashion-mnist is deleted.",
        "The key 0a is deleted in 30 days; until then, aws kms cancel-key-deletion brings it back.",
    ]


def test_another_name_deletes_nothing(account: StubbedAccount) -> None:
    account.is_("CREATE_COMPLETE")
    account.has_resources(RESOURCES)
    holds(account)
    with pytest.raises(UsageError, match=r"not 'yes'\. Nothing was deleted\."):
        run(account, "yes\n")


def test_a_stack_that_holds_something_is_kept_and_it_is_counted(account: StubbedAccount) -> None:
    account.is_("CREATE_COMPLETE", {"Project": "fashion-mnist"})
    account.has_resources(RESOURCES)
    many = {"IsTruncated": True, "NextKeyMarker": "k", "NextVersionIdMarker": "v"}
    account.on("s3", "list_object_versions", versions(COUNTED, **many), Bucket="data")
    account.on("s3", "list_object_versions", versions(1), Bucket="data", KeyMarker="k", VersionIdMarker="v")
    account.on(
        "s3", "list_object_versions", {"DeleteMarkers": [{"Key": "k", "VersionId": "v"}]}, Bucket="logs"
    )
    holds_packages(account, 2)
    holds_images(account, 3)
    holds_pipeline(
        account,
        "fashion-mnist",
        "fashion-mnist",
        running=(("8f3a", "Executing"), ("91bc", "Stopping")),
        made=("fashion-mnist-1",),
    )
    with pytest.raises(InfraError, match=r"Nothing was deleted. .*--delete-data"):
        run(account)
    assert account.shown[1:] == [
        "  bucket data: more than 1000 object versions",
        "  bucket logs: 1 object versions",
        "  model package group fashion-mnist: 2 models",
        "  image repository images: 3 images",
        "  pipeline fashion-mnist: its definition and the list of its executions",
        "  execution 8f3a: it runs",
        "  execution 91bc: it runs",
        "  endpoint fashion-mnist: it serves a model, and incurs charges",
        "  SageMaker hosting: 1 endpoint configurations, 1 models",
    ]


def empties(account: StubbedAccount, data: int, logs: int) -> None:
    """The answers to emptying both buckets."""
    for bucket, count in (("data", data), ("logs", logs)):
        account.on("s3", "list_object_versions", versions(count), Bucket=bucket)
        if count:
            account.on("s3", "delete_objects", {}, Bucket=bucket, Delete=ANY)


def test_with_delete_data_everything_goes_and_a_log_bucket_that_fills_again_is_emptied_again(
    account: StubbedAccount,
) -> None:
    account.is_("CREATE_COMPLETE", {"Project": "fashion-mnist"})
    account.has_resources(RESOURCES)
    holds(account, data=2, logs=1)
    holds_pipeline(
        account,
        "fashion-mnist",
        "fashion-mnist",
        "fashion-mnist-trial",
        made=("fashion-mnist-1", "fashion-mnist-2"),
    )
    goes(account, "fashion-mnist")
    goes(account, "fashion-mnist-trial", "Updating")
    for name in ("fashion-mnist-1", "fashion-mnist-2"):
        account.on("sagemaker", "delete_endpoint_config", {}, EndpointConfigName=name)
    for name in ("fashion-mnist-1", "fashion-mnist-2"):
        account.on("sagemaker", "delete_model", {}, ModelName=name)
    account.on("sagemaker", "delete_pipeline", {}, PipelineName="fashion-mnist")
    holds_packages(account, 1)
    account.on("sagemaker", "delete_model_package", {}, ModelPackageName=PACKAGE)
    holds_images(account, 1)
    account.on(
        "ecr", "batch_delete_image", {}, repositoryName="images", imageIds=[{"imageDigest": "sha256:0"}]
    )
    empties(account, data=2, logs=1)
    account.happened()
    account.on("cloudformation", "delete_stack", {})
    full = ("LogBucket", "DELETE_FAILED", "The bucket you tried to delete is not empty")
    failed = (full, ("", "DELETE_FAILED", ""))
    account.happened(*failed)
    account.is_("DELETE_FAILED")
    account.happened(*failed)
    empties(account, data=0, logs=3)
    account.on("cloudformation", "delete_stack", {})
    account.happened(*failed, GONE)
    account.is_("DELETE_COMPLETE")
    account.fails("s3", "head_bucket", "404", "Not Found")
    hosts(account)
    assert run(account, delete_data=True) == 0


RULES = {"ScheduleRule": "fashion-mnist-schedule", "ApprovedModelRule": "fashion-mnist-approved-model"}


def test_what_runs_is_stopped_before_anything_is_deleted_and_nothing_starts_meanwhile(
    account: StubbedAccount,
) -> None:
    account.is_("CREATE_COMPLETE", {"Project": "fashion-mnist"})
    account.has_resources(RULES)
    running = (("8f3a", "Executing"), ("91bc", "Stopping"))
    holds_pipeline(account, "fashion-mnist", running=running)
    for rule in RULES.values():
        account.on("events", "disable_rule", {}, Name=rule)
    finds_pipeline(account, "fashion-mnist")
    runs(account, *running)
    # SageMaker goes on saying so for a while, and one that ended by itself cannot be stopped.
    account.fails("sagemaker", "stop_pipeline_execution", "ConflictException", "It has ended.")
    runs(account, *running)
    runs(account, ("9d0e", "Executing"))
    newer = f"{PIPELINE}/fashion-mnist/execution/9d0e"
    account.on("sagemaker", "stop_pipeline_execution", {}, PipelineExecutionArn=newer)
    runs(account)
    hosts(account)
    account.on("sagemaker", "delete_pipeline", {}, PipelineName="fashion-mnist")
    account.happened()
    account.on("cloudformation", "delete_stack", {})
    account.happened(GONE)
    account.is_("DELETE_COMPLETE")
    account.fails("s3", "head_bucket", "404", "Not Found")
    hosts(account)
    assert run(account, delete_data=True) == 0
    assert len(account.slept) == 3
    assert [line for line in account.said if "Stopping" in line] == [
        "Stopping the execution 8f3a …",
        "Stopping the execution 9d0e …",
    ]


def test_an_execution_that_does_not_end_keeps_everything_and_the_rules_go_on(account: StubbedAccount) -> None:
    account.is_("CREATE_COMPLETE", {"Project": "fashion-mnist"})
    account.has_resources(RULES)
    holds_pipeline(account, "fashion-mnist", running=(("8f3a", "Stopping"),))
    account.on("events", "disable_rule", {}, Name=RULES["ScheduleRule"])
    account.fails("events", "disable_rule", "ResourceNotFoundException", "There is no such rule.")
    finds_pipeline(account, "fashion-mnist")
    for _ in range(61):
        runs(account, ("8f3a", "Stopping"))
    account.on("events", "enable_rule", {}, Name=RULES["ScheduleRule"])
    with pytest.raises(InfraError, match=r"after 15 minutes .* still runs \(8f3a\)\. Nothing was deleted"):
        run(account, delete_data=True)


def test_an_endpoint_that_a_function_made_meanwhile_goes_after_the_stack(account: StubbedAccount) -> None:
    account.is_("CREATE_COMPLETE", {"Project": "fashion-mnist"})
    account.has_resources({})
    holds_pipeline(account, "other", made=("fashion-mnist-approved-1-serverless",))
    holds_pipeline(account, "other")
    account.happened()
    account.on("cloudformation", "delete_stack", {})
    account.happened(GONE)
    account.is_("DELETE_COMPLETE")
    account.fails("s3", "head_bucket", "404", "Not Found")
    hosts(account, "fashion-mnist")
    goes(account, "fashion-mnist", "Creating")
    assert run(account, delete_data=True) == 0


def test_a_network_that_interfaces_of_jobs_are_still_in_is_tried_again(account: StubbedAccount) -> None:
    account.is_("CREATE_COMPLETE")
    account.has_resources({})
    holds_pipeline(account, "other")
    account.happened()
    account.on("cloudformation", "delete_stack", {})
    events = (
        ("SubnetA", "DELETE_FAILED", "The subnet 'subnet-1' has dependencies and cannot be deleted."),
        ("", "DELETE_FAILED", ""),
    )
    account.happened(*events)
    account.is_("DELETE_FAILED")
    account.happened(*events)
    account.on("cloudformation", "delete_stack", {})
    account.happened(*events, GONE)
    account.is_("DELETE_COMPLETE")
    account.fails("s3", "head_bucket", "404", "Not Found")
    assert run(account) == 0
    assert account.slept == [120]


def test_what_keeps_a_stack_from_going_is_named(account: StubbedAccount) -> None:
    account.is_("CREATE_COMPLETE")
    account.has_resources({})
    holds_pipeline(account, "other")
    account.happened()
    account.on("cloudformation", "delete_stack", {})
    events = (("Vpc", "DELETE_FAILED", "The vpc is shared"), ("", "DELETE_FAILED", ""))
    account.happened(*events)
    account.is_("DELETE_FAILED")
    account.happened(*events)
    with pytest.raises(InfraError, match=r"Vpc \(AWS::S3::Bucket\) DELETE_FAILED: The vpc is shared"):
        run(account)


def test_an_object_that_s3_keeps_is_named(account: StubbedAccount) -> None:
    account.is_("CREATE_COMPLETE")
    account.has_resources({"Bucket": "data"})
    account.on("s3", "list_object_versions", versions(2), Bucket="data")
    holds_pipeline(account, "other")
    holds_pipeline(account, "other")
    account.on("s3", "list_object_versions", versions(2), Bucket="data")
    error = {"Key": "k0", "Code": "AccessDenied", "Message": "Access Denied"}
    account.on("s3", "delete_objects", {"Errors": [error]})
    with pytest.raises(InfraError, match=r"did not delete 1 of .*'k0': AccessDenied Access Denied"):
        run(account, delete_data=True)


def test_a_bucket_that_is_gone_already_holds_nothing(account: StubbedAccount) -> None:
    account.is_("DELETE_FAILED")
    account.has_resources({"Bucket": "data"})
    account.fails("s3", "list_object_versions", "NoSuchBucket", "The specified bucket does not exist")
    holds_pipeline(account, "other")
    account.happened()
    account.on("cloudformation", "delete_stack", {})
    account.happened(GONE)
    account.is_("DELETE_COMPLETE")
    account.fails("s3", "head_bucket", "404", "Not Found")
    assert run(account) == 0


def test_a_stack_that_something_else_goes_on_with_is_left_alone(account: StubbedAccount) -> None:
    account.is_("UPDATE_IN_PROGRESS")
    with pytest.raises(InfraError, match=r"Cannot delete the stack .* while it is"):
        run(account, delete_data=True)


def test_nobody_to_ask_deletes_nothing(account: StubbedAccount) -> None:
    account.is_("CREATE_COMPLETE")
    account.has_resources({})
    holds_pipeline(account, "other")
    with pytest.raises(UsageError, match="no terminal"):
        run(account, certain=False)


def test_endpoints_of_a_project_whose_name_begins_alike_are_left_alone(account: StubbedAccount) -> None:
    """What is not expected here, such as deleting fashion-mnist-prod, fails the test."""
    account.is_("CREATE_COMPLETE", {"Project": "fashion-mnist"})
    account.has_resources({})
    holds_pipeline(account, "fashion-mnist")
    holds_pipeline(account, "fashion-mnist")
    account.on("sagemaker", "delete_pipeline", {}, PipelineName="fashion-mnist")
    account.happened()
    account.on("cloudformation", "delete_stack", {})
    account.happened(GONE)
    account.is_("DELETE_COMPLETE")
    account.fails("s3", "head_bucket", "404", "Not Found")
    hosts(account)
    assert run(account, delete_data=True) == 0
    assert not [line for line in account.shown if "endpoint" in line]


def test_the_monitors_pipeline_goes_with_the_other(account: StubbedAccount) -> None:
    account.is_("CREATE_COMPLETE", {"Project": "fashion-mnist"})
    account.has_resources({})
    names = ("fashion-mnist", "fashion-mnist-monitor")
    for _ in ("to be told", "to be deleted"):
        listed = [
            {"PipelineName": name, "PipelineArn": f"{PIPELINE}/{name}"} for name in (*names, f"{names[0]}-x")
        ]
        account.on("sagemaker", "list_pipelines", {"PipelineSummaries": listed}, PipelineNamePrefix=names[0])
        for name in names:
            tags = [{"Key": "Project", "Value": "fashion-mnist"}, {"Key": "Pipeline", "Value": name}]
            account.on("sagemaker", "list_tags", {"Tags": tags}, ResourceArn=f"{PIPELINE}/{name}")
        for name in names:
            none: dict[str, list[str]] = {"PipelineExecutionSummaries": []}
            account.on("sagemaker", "list_pipeline_executions", none, PipelineName=name)
        hosts(account)
    for name in names:
        account.on("sagemaker", "delete_pipeline", {}, PipelineName=name)
    account.happened()
    account.on("cloudformation", "delete_stack", {})
    account.happened(GONE)
    account.is_("DELETE_COMPLETE")
    account.fails("s3", "head_bucket", "404", "Not Found")
    hosts(account)
    assert run(account, delete_data=True) == 0
    assert "  pipeline fashion-mnist-monitor: its definition and the list of its executions" in account.shown
