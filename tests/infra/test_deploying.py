"""`plan` and `deploy`: what CloudFormation is asked for, and what people are told, whatever it answers."""

from __future__ import annotations

import json
import re

import pytest
from botocore.stub import ANY

from infra.deploying import deploy, parse_assignments
from infra.stack import InfraError
from pipeline.errors import UsageError
from tests.infra.stubbed_account import CHANGE_SET, STACK_ID, StubbedAccount, change

TEMPLATE = "{}"
BEFORE = ("", "REVIEW_IN_PROGRESS", "")
STARTED = ("", "CREATE_IN_PROGRESS", "User Initiated")


def run(account: StubbedAccount, answer: str | None = "y", certain: bool = False, **parameters: str) -> int:
    return deploy(
        account.aws(), account.stack(), TEMPLATE, parameters, certain=certain, talk=account.talk(answer)
    )


def a_first_deployment(account: StubbedAccount) -> None:
    account.is_not_there()
    account.takes_parameters("Project", "CreateLogGroups")
    account.has_log_groups("/aws/sagemaker/Endpoints/x")
    account.is_not_there()


def test_a_first_deployment_makes_the_stack_and_protects_it(account: StubbedAccount) -> None:
    a_first_deployment(account)
    account.on(
        "cloudformation",
        "create_change_set",
        {"Id": CHANGE_SET, "StackId": STACK_ID},
        StackName="fashion-mnist",
        ChangeSetName=ANY,
        ChangeSetType="CREATE",
        Description=ANY,
        TemplateBody=TEMPLATE,
        Capabilities=["CAPABILITY_IAM"],
        Parameters=[{"ParameterKey": "Project", "ParameterValue": "mine"}],
        Tags=[{"Key": "project", "Value": "fashion-mnist"}],
    )
    waits = {"Status": "CREATE_IN_PROGRESS"}
    first = {
        "Status": "CREATE_COMPLETE",
        "Changes": [{"ResourceChange": change("Add", "Bucket")}],
        "NextToken": "2",
    }
    role = change("Add", "JobRole", "AWS::IAM::Role")
    second = {"Status": "CREATE_COMPLETE", "Changes": [{"ResourceChange": role}]}
    account.on("cloudformation", "describe_change_set", waits, ChangeSetName=CHANGE_SET)
    account.on("cloudformation", "describe_change_set", first, ChangeSetName=CHANGE_SET)
    account.on("cloudformation", "describe_change_set", second, ChangeSetName=CHANGE_SET, NextToken="2")
    account.happened(BEFORE)
    account.on("cloudformation", "execute_change_set", {}, ChangeSetName=CHANGE_SET)
    account.happened(BEFORE, STARTED)
    account.is_("REVIEW_IN_PROGRESS")
    account.happened(BEFORE, STARTED, ("Bucket", "CREATE_COMPLETE", ""))
    account.is_("CREATE_IN_PROGRESS")
    account.happened(BEFORE, STARTED, ("Bucket", "CREATE_COMPLETE", ""), ("", "CREATE_COMPLETE", ""))
    outputs = [{"OutputKey": "BucketName", "OutputValue": "fashion-mnist-123456789012-us-east-1"}]
    account.is_("CREATE_COMPLETE", Outputs=outputs)
    account.on(
        "cloudformation",
        "update_termination_protection",
        {"StackId": STACK_ID},
        StackName="fashion-mnist",
        EnableTerminationProtection=True,
    )
    assert run(account, "y", Project="mine") == 0
    assert account.asked == ["Deploy this? [y/N] "]
    shown = "\n".join(account.shown)
    assert "+ Bucket                   S3::Bucket\n  + JobRole" in shown
    assert "2 to add, 0 to change, 0 to remove" in shown
    assert "Permissions change: JobRole." in shown
    assert "BucketName             fashion-mnist-123456789012-us-east-1" in shown
    assert account.said.count("  CREATE_COMPLETE        Bucket") == 1
    assert len(account.slept) == 3


def test_what_is_not_named_keeps_its_value(account: StubbedAccount) -> None:
    present = {"Project": "mine", "CreateVpc": "false", "CreateLogGroups": "false", "Forgotten": "1"}
    account.is_("UPDATE_COMPLETE", present)
    account.takes_parameters("Project", "CreateVpc", "CreateLogGroups", "New")
    account.is_("UPDATE_COMPLETE", present)
    account.on(
        "cloudformation",
        "create_change_set",
        {"Id": CHANGE_SET, "StackId": STACK_ID},
        StackName="fashion-mnist",
        ChangeSetName=ANY,
        ChangeSetType="UPDATE",
        Description=ANY,
        TemplateBody=TEMPLATE,
        Capabilities=ANY,
        Parameters=[
            {"ParameterKey": "CreateLogGroups", "UsePreviousValue": True},
            {"ParameterKey": "CreateVpc", "ParameterValue": "true"},
            {"ParameterKey": "Project", "UsePreviousValue": True},
        ],
        Tags=ANY,
    )
    replaced = change("Modify", "Key", Replacement="True", Details=[{"Target": {"Name": "KeyUsage"}}])
    answer = {"Status": "CREATE_COMPLETE", "Changes": [{"ResourceChange": replaced}]}
    account.on("cloudformation", "describe_change_set", answer)
    account.on("cloudformation", "delete_change_set", {}, ChangeSetName=CHANGE_SET)
    assert run(account, "n", CreateVpc="true") == 0
    shown = "\n".join(account.shown)
    assert "~ Key                      S3::Bucket  (KeyUsage)  IS REPLACED" in shown
    assert "Check carefully, these are removed or may be replaced: Key." in shown
    assert account.said[-1] == "Nothing was changed."


def test_no_change_is_nothing_to_ask_about(account: StubbedAccount) -> None:
    account.is_("CREATE_COMPLETE", {"Project": "fashion-mnist", "CreateLogGroups": "true"})
    account.takes_parameters("Project", "CreateLogGroups")
    account.is_("CREATE_COMPLETE")
    account.plans([], "FAILED", "The submitted information didn't contain changes.")
    account.on("cloudformation", "delete_change_set", {}, ChangeSetName=CHANGE_SET)
    assert run(account, None) == 0
    assert account.shown == ["The stack fashion-mnist is up to date with the template: nothing to change."]


def test_a_plan_that_cloudformation_refuses_leaves_nothing_behind(account: StubbedAccount) -> None:
    a_first_deployment(account)
    account.plans([], "FAILED", "Parameter Schedule failed to satisfy constraint")
    account.on("cloudformation", "delete_change_set", {}, ChangeSetName=CHANGE_SET)
    account.on("cloudformation", "delete_stack", {}, StackName=STACK_ID)
    with pytest.raises(InfraError, match=r"refused .*: Parameter Schedule failed"):
        run(account)


def test_a_first_deployment_that_fails_says_why_and_leaves_nothing(account: StubbedAccount) -> None:
    a_first_deployment(account)
    account.plans([change("Add", "Bucket")])
    events = [
        BEFORE,
        STARTED,
        ("Topic", "CREATE_FAILED", "Resource creation cancelled"),
        ("Bucket", "CREATE_FAILED", "fashion-mnist-123456789012-us-east-1 already exists"),
        ("", "ROLLBACK_COMPLETE", ""),
    ]
    account.happened(BEFORE)
    account.on("cloudformation", "execute_change_set", {})
    account.happened(*events)
    account.is_("ROLLBACK_COMPLETE")
    account.happened(*events)
    account.on("cloudformation", "delete_stack", {}, StackName="fashion-mnist")
    account.happened(*events, ("", "DELETE_COMPLETE", ""))
    account.is_("DELETE_COMPLETE")
    with pytest.raises(InfraError) as raised:
        run(account, None, certain=True)
    assert str(raised.value).splitlines() == [
        "Deploying the stack fashion-mnist failed: it is ROLLBACK_COMPLETE, because of",
        "  Bucket (AWS::S3::Bucket) CREATE_FAILED: fashion-mnist-123456789012-us-east-1 already exists",
        "Something of that name was made elsewhere: remove it, or choose other names with --param Project=NAME.",
        "Nothing of it is left.",
    ]


def test_an_update_that_fails_says_that_the_stack_is_as_before(account: StubbedAccount) -> None:
    old = ("", "CREATE_COMPLETE", "")
    account.is_("CREATE_COMPLETE", {"Project": "fashion-mnist", "CreateLogGroups": "true"})
    account.takes_parameters("Project", "CreateLogGroups")
    account.is_("CREATE_COMPLETE")
    account.plans([change("Modify", "Bucket")])
    account.happened(old)
    account.on("cloudformation", "execute_change_set", {})
    # The status is still that of the operation before: nothing is concluded from it.
    account.happened(old)
    account.is_("CREATE_COMPLETE")
    denied = ("Bucket", "UPDATE_FAILED", "User is not authorized to perform: s3:PutBucketPolicy")
    events = (old, ("", "UPDATE_IN_PROGRESS", "User Initiated"), denied, ("", "UPDATE_ROLLBACK_COMPLETE", ""))
    account.happened(*events)
    account.is_("UPDATE_ROLLBACK_COMPLETE")
    account.happened(*events)
    with pytest.raises(
        InfraError, match=r"(?s)s3:PutBucketPolicy\nThese credentials lack.*is as it was before"
    ):
        run(account, None, certain=True)


TOPIC = "arn:aws:sns:us-east-1:123456789012:fashion-mnist-notifications"


@pytest.mark.parametrize(
    ("subscriptions", "says"),
    [
        ([], "Nobody is notified of failed executions, models, endpoints and costs. .*NotificationEmail="),
        ([("PendingConfirmation", "a@b.c")], "a@b.c receives nothing until the link in AWS's email"),
        ([(f"{TOPIC}:1", "a@b.c")], None),
    ],
)
def test_a_topic_that_nobody_listens_to_is_told(
    account: StubbedAccount, subscriptions: list[tuple[str, str]], says: str | None
) -> None:
    outputs = [{"OutputKey": "TopicArn", "OutputValue": TOPIC}]
    account.is_("CREATE_COMPLETE", {"Project": "fashion-mnist", "CreateLogGroups": "true"}, Outputs=outputs)
    account.takes_parameters("Project", "CreateLogGroups")
    account.is_("CREATE_COMPLETE")
    account.plans([], "FAILED", "The submitted information didn't contain changes.")
    account.on("cloudformation", "delete_change_set", {}, ChangeSetName=CHANGE_SET)
    listed = [{"SubscriptionArn": arn, "Endpoint": endpoint} for arn, endpoint in subscriptions]
    account.on("sns", "list_subscriptions_by_topic", {"Subscriptions": listed}, TopicArn=TOPIC)
    assert run(account, None) == 0
    told = [line for line in account.said if "Name an address" in line or "receives" in line]
    assert told == [] if says is None else re.search(says, told[0])


@pytest.mark.parametrize(
    ("status", "says"),
    [
        ("UPDATE_IN_PROGRESS", "Another operation is going on"),
        ("ROLLBACK_COMPLETE", "python -m infra destroy"),
        ("DELETE_FAILED", "python -m infra destroy"),
        ("UPDATE_ROLLBACK_FAILED", "Continue the rollback"),
    ],
)
def test_a_stack_that_cannot_be_changed_now_is_left_alone(
    account: StubbedAccount, status: str, says: str
) -> None:
    account.is_(status)
    with pytest.raises(InfraError, match=f"while it is {status}. .*{says}"):
        run(account)


def test_log_groups_that_exist_are_not_made(account: StubbedAccount) -> None:
    account.is_not_there()
    account.takes_parameters("CreateLogGroups")
    account.has_log_groups("/aws/sagemaker/ProcessingJobs")
    account.is_not_there()
    account.on(
        "cloudformation",
        "create_change_set",
        {"Id": CHANGE_SET, "StackId": STACK_ID},
        **dict.fromkeys(
            (
                "StackName",
                "ChangeSetName",
                "ChangeSetType",
                "Description",
                "TemplateBody",
                "Capabilities",
                "Tags",
            ),
            ANY,
        ),
        Parameters=[{"ParameterKey": "CreateLogGroups", "ParameterValue": "false"}],
    )
    answer = {"Status": "CREATE_COMPLETE", "Changes": [{"ResourceChange": change("Add", "Bucket")}]}
    account.on("cloudformation", "describe_change_set", answer)
    account.on("cloudformation", "delete_change_set", {}, ChangeSetName=CHANGE_SET)
    account.on("cloudformation", "delete_stack", {}, StackName=STACK_ID)
    assert run(account, None) == 0
    assert any("stay as they are: /aws/sagemaker/ProcessingJobs" in line for line in account.said)


@pytest.mark.parametrize("words", [["CreateVpc"], ["=true"], ["A=1", "A=2"]])
def test_a_parameter_must_be_an_assignment_and_come_once(words: list[str]) -> None:
    with pytest.raises(UsageError, match="must be NAME=VALUE, each name once"):
        parse_assignments(words)


def test_a_value_may_have_an_equals_sign_and_be_empty() -> None:
    assert parse_assignments(["A=b=c", "Schedule="]) == {"A": "b=c", "Schedule": ""}


def test_the_real_template_is_json_that_cloudformation_reads() -> None:
    from infra.template import compact, load_template

    assert json.loads(compact(load_template()))["Resources"]["Bucket"]["Type"] == "AWS::S3::Bucket"
