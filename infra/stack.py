"""A CloudFormation stack: what it is now, changing it by a change set, deleting it."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from infra.change_set import Change, ChangeSet
from pipeline.errors import FashionError
from pipeline.targets.aws.answers import OddAnswerError, require_new, the_only

POLL_SECONDS = 5.0
SETTLED = ("_COMPLETE", "_FAILED")
# So many looks at a stack in which nothing goes on, while its events do not say so, are enough.
IDLE_LOOKS = 60
# States of a change set that is still being made.
PLANNING = ("CREATE_PENDING", "CREATE_IN_PROGRESS")
DONE = ("CREATE_COMPLETE", "UPDATE_COMPLETE")
STACK = "AWS::CloudFormation::Stack"


class InfraError(FashionError):
    """CloudFormation refused or failed; the message says what, and what to do."""


@dataclass(frozen=True)
class StackState:
    """What CloudFormation says of a stack."""

    id: str
    status: str
    reason: str
    parameters: dict[str, str]
    outputs: dict[str, str]
    protected: bool
    updated: str

    @property
    def settled(self) -> bool:
        """Whether nothing is going on."""
        return self.status.endswith(SETTLED)


@dataclass(frozen=True)
class Event:
    """One thing that happened to a resource of the stack, or to the stack."""

    id: str
    resource: str
    kind: str
    status: str
    reason: str


class Stack:
    """The stack `name`. `sleep` is called between looks at something that goes on."""

    def __init__(self, client: Any, name: str, sleep: Callable[[float], None] = time.sleep) -> None:
        self.client = client
        self.name = name
        self.sleep = sleep

    def state(self, stack_id: str | None = None) -> StackState | None:
        """What it is now; None when there is no such stack. A deleted one is found by its id alone."""
        try:
            answer = self.client.describe_stacks(StackName=stack_id or self.name)
        except ClientError as error:
            if "does not exist" in str(error):
                return None
            raise
        found = the_only(answer["Stacks"], "DescribeStacks", "Stacks")
        return StackState(
            id=found["StackId"],
            status=found["StackStatus"],
            reason=found.get("StackStatusReason", ""),
            parameters={each["ParameterKey"]: each["ParameterValue"] for each in found.get("Parameters", [])},
            outputs={each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", [])},
            protected=bool(found.get("EnableTerminationProtection")),
            updated=str(found.get("LastUpdatedTime") or found.get("CreationTime") or ""),
        )

    def declared_parameters(self, template: Mapping[str, str]) -> dict[str, str | None]:
        """The parameters that a template takes, with their defaults. Raises ClientError when it is malformed.

        `template` is what send_template makes.
        """
        summary = self.client.get_template_summary(**template)
        return {each["ParameterKey"]: each.get("DefaultValue") for each in summary["Parameters"]}

    def template(self) -> dict[str, Any]:
        """The template as it is deployed; it was sent as JSON."""
        body = self.client.get_template(StackName=self.name)["TemplateBody"]
        try:
            parsed = json.loads(body) if isinstance(body, str) else body
        except ValueError as error:
            raise OddAnswerError("GetTemplate", f"its template is no JSON ({error})") from error
        if not isinstance(parsed, dict) or not isinstance(parsed.get("Resources"), dict):
            raise OddAnswerError("GetTemplate", "its template has no Resources")
        return parsed

    def propose(
        self, template: Mapping[str, str], parameters: Mapping[str, str | None], tags: Mapping[str, str]
    ) -> ChangeSet:
        """A change set that makes the stack what `template` says; a parameter of None keeps its present value.

        `template` is what send_template makes.

        Raises:
            InfraError: CloudFormation cannot make one.
        """
        before = self.state()
        new = before is None or before.status == "REVIEW_IN_PROGRESS"
        made = self.client.create_change_set(
            StackName=self.name,
            ChangeSetName=f"infra-{uuid.uuid4()}",
            ChangeSetType="CREATE" if new else "UPDATE",
            Description="Made by python -m infra",
            **template,
            Capabilities=["CAPABILITY_IAM"],
            Parameters=[
                {"ParameterKey": name, "UsePreviousValue": True}
                if value is None
                else {"ParameterKey": name, "ParameterValue": value}
                for name, value in sorted(parameters.items())
            ],
            Tags=[{"Key": name, "Value": value} for name, value in sorted(tags.items())],
        )
        arn = made["Id"]
        while True:
            described = self.client.describe_change_set(ChangeSetName=arn)
            if described["Status"] not in PLANNING:
                break
            self.sleep(POLL_SECONDS)
        reason = described.get("StatusReason", "")
        empty = "didn't contain changes" in reason or "No updates are to be performed" in reason
        if described["Status"] != "CREATE_COMPLETE" and not empty:
            self.discard(ChangeSet(arn, made["StackId"], new, ()))
            raise InfraError(
                f"CloudFormation refused the template or parameters of the stack {self.name}: "
                f"{reason or described['Status']}"
            )
        changes = list(described.get("Changes", []))
        seen: set[str] = set()
        while "NextToken" in described:
            require_new(described["NextToken"], seen, "DescribeChangeSet")
            described = self.client.describe_change_set(ChangeSetName=arn, NextToken=described["NextToken"])
            changes += described.get("Changes", [])
        return ChangeSet(
            arn, made["StackId"], new, tuple(Change.parse(each["ResourceChange"]) for each in changes)
        )

    def discard(self, change_set: ChangeSet) -> None:
        """Deletes a change set, and the empty stack that it was made for."""
        self.client.delete_change_set(ChangeSetName=change_set.arn)
        if change_set.creates:
            self.client.delete_stack(StackName=change_set.stack_id)

    def execute(self, change_set: ChangeSet) -> None:
        """Starts what the change set says."""
        self.client.execute_change_set(ChangeSetName=change_set.arn)

    def delete(self, *, protected: bool) -> None:
        """Starts deleting the stack; `protected`: takes its protection back first."""
        if protected:
            self.client.update_termination_protection(StackName=self.name, EnableTerminationProtection=False)
        self.client.delete_stack(StackName=self.name)

    def protect(self) -> None:
        """Keeps the stack from being deleted by mistake; `infra destroy` takes this back."""
        self.client.update_termination_protection(StackName=self.name, EnableTerminationProtection=True)

    def events(self, stack_id: str) -> list[Event]:
        """Everything that happened to the stack, oldest first."""
        pages = self.client.get_paginator("describe_stack_events").paginate(StackName=stack_id)
        found = [
            Event(
                id=each["EventId"],
                resource=each.get("LogicalResourceId", ""),
                kind=each.get("ResourceType", ""),
                status=each.get("ResourceStatus", ""),
                reason=each.get("ResourceStatusReason", ""),
            )
            for page in pages
            for each in page["StackEvents"]
        ]
        return found[::-1]

    def physical_names(self, stack_id: str) -> dict[str, str]:
        """AWS's names of the resources that exist, by their logical names."""
        pages = self.client.get_paginator("list_stack_resources").paginate(StackName=stack_id)
        return {
            each["LogicalResourceId"]: each["PhysicalResourceId"]
            for page in pages
            for each in page["StackResourceSummaries"]
            if each.get("PhysicalResourceId") and each["ResourceStatus"] != "DELETE_COMPLETE"
        }

    def follow(self, stack_id: str, seen: set[str], say: Callable[[str], None]) -> StackState:
        """Waits until an operation is over, telling of resources as they are done; returns the last state.

        `seen` holds the ids of the events from before the operation. The stack's own event is what counts: its
        status alone can be that of an operation before.
        """
        over = False
        idle, status = 0, ""
        while idle < IDLE_LOOKS:
            for event in self.events(stack_id):
                if event.id not in seen and event.status.endswith(SETTLED):
                    say(f"  {event.status:<22} {event.resource}")
                    over = over or event.kind == STACK
                seen.add(event.id)
            state = self.state(stack_id)
            if state is None:  # by its id, a stack is found for 90 days after it is gone
                raise OddAnswerError("DescribeStacks", f"it has no stack {stack_id}, which there was")
            if state.status == "DELETE_COMPLETE" or (over and state.settled):
                return state
            idle, status = (idle + 1 if state.settled else 0), state.status
            self.sleep(POLL_SECONDS)
        raise OddAnswerError(
            "DescribeStackEvents", f"it has no event of the stack's own, which has long been {status}"
        )
