"""An account whose every answer is written down beforehand: Stubber checks both against AWS's service model."""

from __future__ import annotations

import datetime
import functools
from collections.abc import Sequence
from typing import Any

import boto3
from botocore.stub import Stubber

from infra.aws import Aws
from infra.stack import Stack
from infra.talk import Talk

ACCOUNT = "123456789012"
REGION = "us-east-1"
STACK_ID = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/fashion-mnist/0a1b"
CHANGE_SET = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:changeSet/infra-1/2c3d"
NOW = datetime.datetime(2026, 11, 23, tzinfo=datetime.UTC)


@functools.cache
def session() -> Any:
    """One for all tests: it reads AWS's service models, which takes most of a test's time."""
    return boto3.Session("key", "secret", region_name=REGION)


class StubbedAccount:
    """`on` writes down the next answer of a service; `slept` are the seconds that were waited."""

    def __init__(self) -> None:
        self.clients: dict[str, Any] = {}
        self.stubbers: dict[str, Stubber] = {}
        self.slept: list[float] = []
        self.shown: list[str] = []
        self.said: list[str] = []
        self.asked: list[str] = []

    def client(self, service: str) -> Any:
        if service not in self.clients:
            self.clients[service] = session().client(service)
            self.stubbers[service] = Stubber(self.clients[service])
            self.stubbers[service].activate()
        return self.clients[service]

    def on(self, service: str, method: str, answer: dict[str, Any], **expected: Any) -> None:
        self.client(service)
        self.stubbers[service].add_response(method, answer, expected or None)

    def fails(self, service: str, method: str, code: str, message: str) -> None:
        self.client(service)
        self.stubbers[service].add_client_error(method, code, message)

    def aws(self) -> Aws:
        return Aws(ACCOUNT, REGION, "an administrator", self.client)

    def stack(self) -> Stack:
        return Stack(self.client("cloudformation"), "fashion-mnist", self.slept.append)

    def talk(self, answer: str | None = None) -> Talk:
        def ask(question: str) -> str:
            self.asked.append(question)
            assert answer is not None
            return answer

        return Talk(self.shown.append, self.said.append, None if answer is None else ask)

    def done(self) -> None:
        """Everything that was written down was asked for."""
        for stubber in self.stubbers.values():
            stubber.assert_no_pending_responses()

    # What CloudFormation says, again and again.

    def is_(self, status: str, parameters: dict[str, str] | None = None, **more: Any) -> None:
        listed = [
            {"ParameterKey": name, "ParameterValue": value} for name, value in (parameters or {}).items()
        ]
        stack = {
            "StackId": STACK_ID,
            "StackName": "fashion-mnist",
            "StackStatus": status,
            "CreationTime": NOW,
        }
        self.on("cloudformation", "describe_stacks", {"Stacks": [{**stack, "Parameters": listed, **more}]})

    def is_not_there(self) -> None:
        message = "Stack with id fashion-mnist does not exist"
        self.fails("cloudformation", "describe_stacks", "ValidationError", message)

    def happened(self, *events: tuple[str, str, str]) -> None:
        """The events of the stack so far, oldest first: resource, status, reason. The stack's own is called ""."""
        listed = [
            {
                "StackId": STACK_ID,
                "StackName": "fashion-mnist",
                "EventId": f"{index}",
                "Timestamp": NOW,
                "LogicalResourceId": resource or "fashion-mnist",
                "ResourceType": "AWS::S3::Bucket" if resource else "AWS::CloudFormation::Stack",
                "ResourceStatus": status,
                "ResourceStatusReason": reason,
            }
            for index, (resource, status, reason) in enumerate(events)
        ]
        self.on("cloudformation", "describe_stack_events", {"StackEvents": listed[::-1]}, StackName=STACK_ID)

    def has_resources(self, names: dict[str, str]) -> None:
        listed = [
            {
                "LogicalResourceId": name,
                "PhysicalResourceId": physical,
                "ResourceType": "AWS::X::Y",
                "ResourceStatus": "CREATE_COMPLETE",
                "LastUpdatedTimestamp": NOW,
            }
            for name, physical in names.items()
        ]
        self.on(
            "cloudformation", "list_stack_resources", {"StackResourceSummaries": listed}, StackName=STACK_ID
        )

    def takes_parameters(self, *names: str) -> None:
        listed = [{"ParameterKey": name, "DefaultValue": ""} for name in names]
        self.on("cloudformation", "get_template_summary", {"Parameters": listed}, TemplateBody="{}")

    def has_log_groups(self, *names: str) -> None:
        self.on("logs", "describe_log_groups", {"logGroups": [{"logGroupName": name} for name in names]})

    def plans(
        self, changes: Sequence[dict[str, Any]], status: str = "CREATE_COMPLETE", reason: str = ""
    ) -> None:
        """Takes any change set, and describes it with these changes."""
        self.on("cloudformation", "create_change_set", {"Id": CHANGE_SET, "StackId": STACK_ID})
        answer: dict[str, Any] = {"Status": status, "StatusReason": reason}
        if changes:  # Stubber takes no empty list
            answer["Changes"] = [{"ResourceChange": each} for each in changes]
        self.on("cloudformation", "describe_change_set", answer, ChangeSetName=CHANGE_SET)


def change(action: str, resource: str, kind: str = "AWS::S3::Bucket", **more: Any) -> dict[str, Any]:
    """What DescribeChangeSet says of one resource."""
    return {"Action": action, "LogicalResourceId": resource, "ResourceType": kind, **more}
