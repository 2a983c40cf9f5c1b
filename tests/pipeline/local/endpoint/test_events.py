"""EventBridge: rules, patterns and targets, and the events of what happens, by boto3's clients."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pipeline.local.local_sagemaker import LocalSageMaker, local_sagemaker
from tests.pipeline.local.endpoint.conftest import (
    BUCKET,
    QUICK,
    ROLE,
    User,
    fail_step,
    shell_step,
    until,
)
from tests.pipeline.local.endpoint.test_event_patterns import EVENT

HERE = "us-east-1:123456789012"


@pytest.fixture
def events(user: User) -> Any:
    return user.server.client("events")


@pytest.fixture
def group(user: User, events: Any) -> Iterator[str]:
    """A log group that a rule, called as the user is, sends whatever SageMaker tells to."""
    group = f"/aws/events/{user.name[-60:]}"
    user.logs.create_log_group(logGroupName=group)
    rule = user.name[-60:]
    events.put_rule(Name=rule, EventPattern='{"source": ["aws.sagemaker"]}')
    arn = f"arn:aws:logs:{HERE}:log-group:{group}"
    events.put_targets(Rule=rule, Targets=[{"Id": "logs", "Arn": arn}])
    yield group
    events.remove_targets(Rule=rule, Ids=["logs"])
    events.delete_rule(Name=rule)
    user.logs.delete_log_group(logGroupName=group)


def logged(user: User, group: str, resource: str) -> list[dict[str, Any]]:
    """The events in the group that name a resource, as they came."""
    pages = user.logs.get_paginator("describe_log_streams").paginate(
        logGroupName=group, orderBy="LastEventTime"
    )
    found = []
    for stream in [each["logStreamName"] for page in pages for each in page["logStreams"]]:
        for event in user.logs.get_log_events(logGroupName=group, logStreamName=stream)["events"]:
            said = json.loads(event["message"])
            if resource in said["resources"]:
                found.append(said)
    return found


def told(user: User, group: str, resource: str, last: str) -> list[dict[str, Any]]:
    """The same, once one has the value `last` in its detail."""
    found: list[dict[str, Any]] = until(
        lambda: logged(user, group, resource),
        lambda found: any(last in each["detail"].values() for each in found),
    )
    return found


def test_an_execution_its_steps_and_its_jobs_are_told_of(user: User, group: str) -> None:
    user.create(shell_step("Step", "true"), fail_step("End") | {"DependsOn": ["Step"]})
    arn = user.start(PipelineExecutionDisplayName="Shown")
    user.end(arn)
    pipeline = arn.partition("/execution/")[0]
    status = "SageMaker Model Building Pipeline Execution Status Change"
    found = until(
        lambda: logged(user, group, arn),
        lambda found: any(each["detail"].get("currentPipelineExecutionStatus") == "Failed" for each in found),
    )
    assert all(each["resources"] == [pipeline, arn] for each in found)
    assert {(each["version"], each["source"], each["account"], each["region"]) for each in found} == {
        ("0", "aws.sagemaker", "123456789012", "us-east-1")
    }
    courses = [each["detail"] for each in found if each["detail-type"] == status]
    assert {
        (each.get("previousPipelineExecutionStatus"), each["currentPipelineExecutionStatus"])
        for each in courses
    } == {(None, "Executing"), ("Executing", "Failed")}
    (last,) = [each for each in courses if each["currentPipelineExecutionStatus"] == "Failed"]
    assert last["pipelineExecutionDisplayName"] == "Shown"
    assert (last["pipelineArn"], last["pipelineExecutionArn"]) == (pipeline, arn)
    assert last["executionStartTime"].endswith("Z")
    assert last["executionEndTime"].endswith("Z")
    steps = [each["detail"] for each in found if each["detail-type"] != status]
    (done,) = [
        each for each in steps if (each["stepName"], each["currentStepStatus"]) == ("Step", "Succeeded")
    ]
    job = user.steps(arn)["Step"]["Metadata"]["ProcessingJob"]["Arn"]
    assert (done["stepType"], done["metadata"]) == ("Processing", {"processingJob": {"arn": job}})
    assert done["previousStepStatus"] == "Executing"
    (ended,) = [each for each in steps if each["stepName"] == "End" and "failureReason" in each]
    assert (ended["currentStepStatus"], ended["failureReason"]) == ("Failed", "End fails")
    jobs = told(user, group, job, "Completed")
    assert {each["detail-type"] for each in jobs} == {"SageMaker Processing Job State Change"}
    assert [each["detail"]["ProcessingJobStatus"] for each in jobs].count("Completed") == 1
    (completed,) = [each["detail"] for each in jobs if each["detail"]["ProcessingJobStatus"] == "Completed"]
    assert completed["ProcessingJobArn"] == job
    assert completed["ProcessingEndTime"] > 1_700_000_000_000


def test_a_job_by_itself_that_is_stopped_is_told_of_as_it_goes(user: User, group: str) -> None:
    name = user.name[-63:].strip("-")
    arn = user.sagemaker.create_processing_job(
        ProcessingJobName=name,
        Tags=[{"Key": "k", "Value": "v"}],
        **shell_step("x", "echo begun; sleep 60")["Arguments"],
    )["ProcessingJobArn"]
    told(user, group, arn, "InProgress")
    user.sagemaker.stop_processing_job(ProcessingJobName=name)
    found = told(user, group, arn, "Stopped")
    statuses = {each["detail"]["ProcessingJobStatus"] for each in found}
    assert statuses == {"InProgress", "Stopping", "Stopped"}
    assert found[-1]["detail"]["Tags"] == {"k": "v"}


def test_packages_and_endpoints_are_told_of(user: User, group: str) -> None:
    name, client = user.name[-60:].strip("-"), user.sagemaker
    image = "763104351884.dkr.ecr.us-east-1.amazonaws.com/tensorflow-inference:2.20.0-cpu"
    container = {"Image": image, "ModelDataUrl": f"s3://{BUCKET}/nothing/model.tar.gz"}
    client.create_model_package_group(ModelPackageGroupName=name)
    package = client.create_model_package(
        ModelPackageGroupName=name,
        ModelApprovalStatus="PendingManualApproval",
        InferenceSpecification={
            "Containers": [container],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
    )["ModelPackageArn"]
    client.update_model_package(ModelPackageArn=package, ModelApprovalStatus="Approved")
    found = told(user, group, package, "Approved")
    (made,) = [each for each in found if each["detail"]["ModelApprovalStatus"] == "PendingManualApproval"]
    (approved,) = [each for each in found if each["detail"]["ModelApprovalStatus"] == "Approved"]
    assert approved["detail-type"] == "SageMaker Model Package State Change"
    assert approved["detail"]["UpdatedModelPackageFields"] == ["ModelApprovalStatus"]
    assert (made["detail"]["ModelPackageGroupName"], made["detail"]["ModelPackageVersion"]) == (name, 1)
    assert made["detail"]["CreationTime"].endswith("Z")

    client.create_model(ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer={"ModelPackageName": package})
    variant = {
        "VariantName": "V",
        "ModelName": name,
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1,
    }
    client.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    endpoint = client.create_endpoint(EndpointName=name, EndpointConfigName=name)["EndpointArn"]
    failed = told(user, group, endpoint, "FAILED")
    assert {each["detail"]["EndpointStatus"] for each in failed} == {"CREATING", "FAILED"}
    assert container["ModelDataUrl"] in failed[-1]["detail"]["FailureReason"]
    client.delete_endpoint(EndpointName=name)
    told(user, group, endpoint, "DELETING")


def test_events_reach_queues_topics_and_pipelines(user: User, events: Any) -> None:
    rule = user.name[-60:]
    sqs, sns = user.server.client("sqs"), user.server.client("sns")
    name = rule.strip("-")
    queue = sqs.create_queue(QueueName=name)["QueueUrl"]
    topic = sns.create_topic(Name=name)["TopicArn"]
    other = sqs.create_queue(QueueName=f"{name}-sns")["QueueUrl"]
    sns.subscribe(
        TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:{HERE}:{name}-sns",
        Attributes={"RawMessageDelivery": "true"},
    )  # fmt: skip
    user.create(fail_step(), parameters=({"Name": "Who", "Type": "String", "DefaultValue": "nobody"},))
    events.put_rule(Name=rule, EventPattern=json.dumps({"source": ["mine"], "detail": {"rule": [rule]}}))
    transformer = {
        "InputPathsMap": {"who": "$.detail.who", "all": "$.detail"},
        "InputTemplate": '{"text": "It is <who>", "who": <who>, "all": <all>}',
    }
    parameters = {"PipelineParameterList": [{"Name": "Who", "Value": "$.detail.who"}]}
    targets = [
        {"Id": "queue", "Arn": f"arn:aws:sqs:{HERE}:{name}", "InputTransformer": transformer},
        {"Id": "topic", "Arn": topic, "InputPath": "$.detail"},
        {
            "Id": "pipeline",
            "Arn": f"arn:aws:sagemaker:{HERE}:pipeline/{user.name}",
            "RoleArn": ROLE,
            "SageMakerPipelineParameters": parameters,
        },
    ]
    events.put_targets(Rule=rule, Targets=targets)
    detail = {"rule": rule, "who": 'a "b"'}
    entry = {"Source": "mine", "DetailType": "Mine", "Detail": json.dumps(detail)}
    wrong = [
        {**entry, "Source": "aws.sagemaker"},
        {**entry, "Detail": "[]"},
        {**entry, "Detail": '{"a": NaN}'},
        {**entry, "Detail": '{"a": 1e400}'},
        {**entry, "EventBusName": "other"},
        {"Source": "mine", "DetailType": "Mine"},
    ]
    said = events.put_events(Entries=[entry, *wrong])
    assert [each.get("ErrorCode") for each in said["Entries"]] == [
        None, "NotAuthorizedForSourceException", *(["MalformedDetail"] * 3), "InvalidArgument", "InvalidArgument",
    ]  # fmt: skip
    assert said["FailedEntryCount"] == len(wrong)

    def receive(url: str) -> Any:
        found = until(
            lambda: sqs.receive_message(QueueUrl=url, WaitTimeSeconds=0).get("Messages"), lambda found: found
        )
        return json.loads(found[0]["Body"])

    assert receive(queue) == {"text": 'It is a "b"', "who": 'a "b"', "all": detail}
    assert receive(other) == detail
    started = until(
        lambda: user.sagemaker.list_pipeline_executions(PipelineName=user.name)["PipelineExecutionSummaries"],
        lambda found: found,
    )
    values = user.sagemaker.list_pipeline_parameters_for_execution(
        PipelineExecutionArn=started[0]["PipelineExecutionArn"]
    )["PipelineParameters"]
    assert values == [{"Name": "Who", "Value": 'a "b"'}]
    events.remove_targets(Rule=rule, Ids=["queue", "topic", "pipeline"])
    events.delete_rule(Name=rule)


def test_rules_and_targets_are_kept_as_they_were_sent(user: User, events: Any) -> None:
    rule = user.name[-60:]
    pattern = '{"source": ["nobody"]}'
    arn = events.put_rule(Name=rule, EventPattern=pattern, Description="d", State="DISABLED")["RuleArn"]
    described = events.describe_rule(Name=rule)
    described.pop("ResponseMetadata")
    kept = {"Name": rule, "Arn": arn, "EventPattern": pattern, "Description": "d", "EventBusName": "default"}
    assert described == kept | {"State": "DISABLED"}
    target = {"Id": "1", "Arn": f"arn:aws:logs:{HERE}:log-group:/mine:*", "Input": '{"a": 1}'}
    assert events.list_targets_by_rule(Rule=rule)["Targets"] == []
    with pytest.raises(ClientError, match=r"ValidationException.*cannot reach the target arn:aws:lambda"):
        events.put_targets(Rule=rule, Targets=[target | {"Arn": f"arn:aws:lambda:{HERE}:function:f"}])
    assert events.put_targets(Rule=rule, Targets=[target])["FailedEntryCount"] == 0
    events.enable_rule(Name=rule)
    assert events.list_rules(NamePrefix=rule)["Rules"] == [kept | {"State": "ENABLED"}]
    events.disable_rule(Name=rule)
    assert events.describe_rule(Name=rule)["State"] == "DISABLED"
    events.put_rule(Name=rule, EventPattern=pattern)
    assert events.list_targets_by_rule(Rule=rule)["Targets"] == [target]
    with pytest.raises(ClientError, match="since it has targets"):
        events.delete_rule(Name=rule)
    events.remove_targets(Rule=rule, Ids=["1"])
    events.delete_rule(Name=rule)
    events.delete_rule(Name=rule)
    with pytest.raises(events.exceptions.ResourceNotFoundException, match=f"Rule {rule} does not exist"):
        events.describe_rule(Name=rule)


def test_what_rules_cannot_be_here_is_refused(events: Any) -> None:
    with pytest.raises(ClientError, match="EventPattern or ScheduleExpression must be specified"):
        events.put_rule(Name="r")
    with pytest.raises(ClientError, match="ScheduleExpression is not valid"):
        events.put_rule(Name="r", ScheduleExpression="rate(1 days)")
    with pytest.raises(events.exceptions.ResourceNotFoundException, match="Event bus mine does not exist"):
        events.put_rule(Name="r", EventPattern='{"source": ["a"]}', EventBusName="mine")
    with pytest.raises(
        ClientError, match=r"UnknownOperationException.*CreateEventBus.*leave EventBusName out"
    ):
        events.create_event_bus(Name="mine")


def test_a_pattern_is_tested_on_an_event_that_must_be_whole(events: Any) -> None:
    for value, matches in (("arn:two", True), ("arn:three", False)):
        said = events.test_event_pattern(
            EventPattern=json.dumps({"resources": [value]}), Event=json.dumps(EVENT)
        )
        assert said["Result"] is matches
    with pytest.raises(events.exceptions.InvalidEventPatternException, match="'a' has no such match"):
        events.put_rule(Name="none", EventPattern='{"a": [{"prefixx": "b"}]}')
    event = {name: value for name, value in EVENT.items() if name != "region"}
    for given, said in ((json.dumps(event), "It lacks region"), ("[]", "it must be an event")):
        with pytest.raises(ClientError, match=said):
            events.test_event_pattern(EventPattern='{"source": ["a"]}', Event=given)


def test_rules_and_logged_events_are_there_with_the_next_server(tmp_path: Any) -> None:
    lines: list[str] = []
    with local_sagemaker(tmp_path / "state", choices=QUICK, check=True, say=lines.append) as first:
        put_and_send(first)
    assert lines == [
        "Could not send an event to arn:aws:logs:us-east-1:123456789012:log-group:/none, a target of the rule r: "
        "The log group /none does not exist: make it (CreateLogGroup)."
    ]
    with local_sagemaker(tmp_path / "state", choices=QUICK, check=True) as second:
        logs = second.client("logs")
        (stream,) = logs.describe_log_streams(logGroupName="/mine")["logStreams"]
        said = logs.get_log_events(logGroupName="/mine", logStreamName=stream["logStreamName"])
        assert json.loads(said["events"][0]["message"])["detail"] == {"a": 1}
        assert [each["Id"] for each in second.client("events").list_targets_by_rule(Rule="r")["Targets"]] == [
            "1",
            "2",
        ]


def put_and_send(server: LocalSageMaker) -> None:
    """An event that goes to two log groups, of which one is not there; it is sent when the server ends."""
    events = server.client("events")
    server.client("logs").create_log_group(logGroupName="/mine")
    with pytest.raises(ClientError, match="ResourceAlreadyExistsException"):
        server.client("logs").create_log_group(logGroupName="/mine")
    events.put_rule(Name="r", EventPattern='{"source": ["me"]}')
    arns = [f"arn:aws:logs:{HERE}:log-group:/{name}" for name in ("none", "mine")]
    events.put_targets(
        Rule="r", Targets=[{"Id": str(number), "Arn": arn} for number, arn in enumerate(arns, 1)]
    )
    events.put_events(Entries=[{"Source": "me", "DetailType": "t", "Detail": '{"a": 1}'}])
    events.put_events(Entries=[{"Source": "you", "DetailType": "t", "Detail": '{"a": 2}'}])
