"""A stand-in of CloudFormation for infra.stack: it resolves the template and makes what the rehearsal needs of it.

It refuses what CloudFormation is known to refuse: requests that break its model, templates over its limits, values
that a parameter's declaration excludes, types that it does not know in a region, log groups that are there, and
deleting what is not empty. Buckets, log groups, roles and the model package group are made; all else is a record.
"""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import ClientError
from botocore.validate import validate_parameters

from infra.resolving import ResolvedStack, resolve_template
from infra.template import Template
from pipeline.definition.settings import PROJECT
from pipeline.local.endpoint.wire import model
from tests.infra.requests_of_roles import identity_statements
from tests.rehearsal.judge import translated

LARGEST_INLINE, LARGEST = 51_200, 1_000_000
CAPABILITY = "CAPABILITY_IAM"
NOW = datetime.datetime(2026, 11, 30, tzinfo=datetime.UTC)
# By cfn-lint's tables of November 2026 (E3006), of the regions that AWS has TensorFlow containers in.
_BUDGETS = (
    "af-south-1 ap-east-1 ap-east-2 ap-northeast-3 ap-south-2 ap-southeast-3 ap-southeast-4 ap-southeast-5 "
    "ap-southeast-7 ca-west-1 eu-central-2 eu-north-1 eu-south-1 eu-south-2 il-central-1 me-central-1 "
    "mx-central-1 us-gov-west-1"
)
_GROUPS = "ap-east-2 ap-south-2 ap-southeast-4 us-gov-east-1 cn-north-1 cn-northwest-1"
UNKNOWN_TYPES = {
    "AWS::Budgets::Budget": frozenset(_BUDGETS.split()),
    "AWS::SageMaker::ModelPackageGroup": frozenset(_GROUPS.split()),
}


class Formation:
    """The client of one stack. `clients` are those of the account's stand-ins, ungated."""

    def __init__(self, clients: Callable[[str], Any], account: str, region: str) -> None:
        self._clients, self._account, self._region = clients, account, region
        self.stack: ResolvedStack | None = None
        self.status = ""
        self.body = ""
        self.protected = False
        self.parameters: dict[str, str] = {}
        self._proposed: tuple[str, dict[str, str]] | None = None
        self._events: list[tuple[str, str, str, str]] = []
        self._made: dict[str, str] = {}
        self.id = f"arn:aws:cloudformation:{region}:{account}:stack/{PROJECT}/1"
        # moto cannot delete them.
        self.deleted_packages: set[str] = set()
        self.on_change: Callable[[ResolvedStack | None], None] = lambda stack: None

    def __getattr__(self, name: str) -> Callable[..., dict[str, Any]]:
        """An operation, whose request is held against the service's model first."""
        try:
            operate = object.__getattribute__(self, f"_{name}")
        except AttributeError:
            raise AttributeError(f"the rehearsal's CloudFormation has no {name}") from None

        def called(**given: Any) -> dict[str, Any]:
            operation = "".join(word.title() for word in name.split("_"))
            validate_parameters(given, model("cloudformation").operation_model(operation).input_shape)
            answer: dict[str, Any] = operate(**given)
            return answer

        return called

    def get_paginator(self, name: str) -> Formation._Pages:
        return Formation._Pages(getattr(self, name))

    class _Pages:
        def __init__(self, call: Callable[..., dict[str, Any]]) -> None:
            self._call = call

        def paginate(self, **given: Any) -> Iterator[dict[str, Any]]:
            yield self._call(**given)

    def _describe_stacks(self, StackName: str) -> dict[str, Any]:  # noqa: N803 (as the API has it)
        if not self.status or (self.status == "DELETE_COMPLETE" and StackName != self.id):
            raise refusal("DescribeStacks", "ValidationError", f"Stack with id {StackName} does not exist")
        outputs = {} if self.stack is None else self.outputs(self.stack)
        stack = {
            "StackId": self.id,
            "StackName": PROJECT,
            "StackStatus": self.status,
            "CreationTime": NOW,
            "EnableTerminationProtection": self.protected,
            "Parameters": [{"ParameterKey": k, "ParameterValue": v} for k, v in self.parameters.items()],
            "Outputs": [{"OutputKey": k, "OutputValue": v} for k, v in outputs.items()],
        }
        return {"Stacks": [stack]}

    def outputs(self, stack: ResolvedStack) -> dict[str, str]:
        """The outputs, in the account of the stand-ins."""
        return {name: translated(str(value), self._account) for name, value in stack.outputs.items()}

    def _text(self, given: Mapping[str, Any]) -> str:
        if (body := given.get("TemplateBody")) is not None:
            limit = LARGEST_INLINE
        else:
            bucket, _, key = urlsplit(given["TemplateURL"]).netloc.partition(".s3.")[0], "", ""
            key = urlsplit(given["TemplateURL"]).path.lstrip("/")
            body = self._clients("s3").get_object(Bucket=bucket, Key=key)["Body"].read().decode()
            limit = LARGEST
        if len(body.encode()) > limit:
            message = f"Member must have length less than or equal to {limit}"
            raise refusal(
                "CreateChangeSet",
                "ValidationError",
                f"'templateBody' failed to satisfy constraint: {message}",
            )
        return str(body)

    def _get_template_summary(self, **given: Any) -> dict[str, Any]:
        declared = json.loads(self._text(given))["Parameters"]
        return {
            "Parameters": [
                {
                    "ParameterKey": name,
                    **({"DefaultValue": str(each["Default"])} if "Default" in each else {}),
                }
                for name, each in declared.items()
            ]
        }

    def _create_change_set(self, **given: Any) -> dict[str, Any]:
        text = self._text(given)
        template: Template = json.loads(text)
        values = {
            each["ParameterKey"]: self.parameters[each["ParameterKey"]]
            if each.get("UsePreviousValue")
            else each["ParameterValue"]
            for each in given["Parameters"]
        }
        for problem in problems(template, values, self._region):
            raise refusal("CreateChangeSet", "ValidationError", problem)
        if CAPABILITY not in given.get("Capabilities", ()):
            raise refusal(
                "CreateChangeSet",
                "InsufficientCapabilitiesException",
                f"Requires capabilities : [{CAPABILITY}]",
            )
        self._proposed = (text, values)
        self.status = self.status or "REVIEW_IN_PROGRESS"
        return {"Id": f"{self.id}/change", "StackId": self.id}

    def _describe_change_set(self, **given: Any) -> dict[str, Any]:
        assert self._proposed is not None
        now = resolve_template(json.loads(self._proposed[0]), self._proposed[1], self._region).resources
        before = {} if self.stack is None else self.stack.resources
        changes = [
            {
                "Action": action,
                "LogicalResourceId": name,
                "ResourceType": (now.get(name) or before[name])["Type"],
            }
            for name in {**before, **now}
            if (action := difference(before.get(name), now.get(name)))
        ]
        return {"Status": "CREATE_COMPLETE", "Changes": [{"ResourceChange": each} for each in changes]}

    def _delete_change_set(self, **given: Any) -> dict[str, Any]:
        self._proposed = None
        return {}

    def _execute_change_set(self, **given: Any) -> dict[str, Any]:
        assert self._proposed is not None
        word = "CREATE" if self.stack is None else "UPDATE"
        self.body, self.parameters = self._proposed
        declared = json.loads(self.body)["Parameters"]
        self.parameters = {
            name: str(each.get("Default", "")) for name, each in declared.items()
        } | self.parameters
        stack = resolve_template(json.loads(self.body), self.parameters, self._region)
        for name, resource in stack.resources.items():
            if name not in self._made:
                try:
                    self._made[name] = self._make(stack, name, resource)
                except ClientError as error:
                    self._happened(name, resource["Type"], f"{word}_FAILED", str(error))
                    self.status = "ROLLBACK_COMPLETE"
                    self._happened(PROJECT, "AWS::CloudFormation::Stack", self.status, "")
                    return {}
                self._happened(name, resource["Type"], f"{word}_COMPLETE", "")
        self.stack, self.status = stack, f"{word}_COMPLETE"
        self._happened(PROJECT, "AWS::CloudFormation::Stack", self.status, "")
        self.on_change(stack)
        return {}

    def _make(self, stack: ResolvedStack, name: str, resource: Mapping[str, Any]) -> str:
        """Makes a resource; returns its physical name."""
        properties = json.loads(translated(json.dumps(resource.get("Properties", {})), self._account))
        kind = resource["Type"]
        if kind == "AWS::S3::Bucket":
            self._clients("s3").create_bucket(Bucket=properties["BucketName"])
            return str(properties["BucketName"])
        if kind == "AWS::Logs::LogGroup":
            self._clients("logs").create_log_group(logGroupName=properties["LogGroupName"])
            return str(properties["LogGroupName"])
        if kind == "AWS::IAM::Role":
            document = {"Version": "2012-10-17", "Statement": identity_statements(stack, name)}
            iam, trust = self._clients("iam"), properties["AssumeRolePolicyDocument"]
            iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
            text = translated(json.dumps(document), self._account)
            iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=text)
        if kind == "AWS::SNS::Topic":
            self._clients("sns").create_topic(Name=properties["TopicName"])
        if kind == "AWS::SageMaker::ModelPackageGroup":
            group = properties["ModelPackageGroupName"]
            answer = self._clients("sagemaker").create_model_package_group(ModelPackageGroupName=group)
            return str(answer["ModelPackageGroupArn"])
        return str(properties.get("Name") or properties.get("AlarmName") or name)

    def _delete_stack(self, **given: Any) -> dict[str, Any]:
        if self.protected:
            raise refusal(
                "DeleteStack",
                "ValidationError",
                "Stack cannot be deleted while TerminationProtection is enabled",
            )
        left = dict(self._made)
        for name, physical in reversed(list(self._made.items())):
            resource = {} if self.stack is None else self.stack.resources[name]
            if resource.get("DeletionPolicy") != "Retain" and (why := self._delete(resource, physical)):
                self._happened(name, resource["Type"], "DELETE_FAILED", why)
                continue
            left.pop(name)
            self._happened(name, resource.get("Type", ""), "DELETE_COMPLETE", "")
        self._made = left
        self.status = "DELETE_FAILED" if left else "DELETE_COMPLETE"
        self._happened(PROJECT, "AWS::CloudFormation::Stack", self.status, "")
        if not left:
            self.stack = None
            self.on_change(None)
        return {}

    def _delete(self, resource: Mapping[str, Any], physical: str) -> str | None:
        """Deletes a resource; why it would not go, or None."""
        kind = resource.get("Type")
        try:
            if kind == "AWS::S3::Bucket":
                self._clients("s3").delete_bucket(Bucket=physical)
            elif kind == "AWS::Logs::LogGroup":
                self._clients("logs").delete_log_group(logGroupName=physical)
            elif kind == "AWS::SageMaker::ModelPackageGroup":
                group = physical.rpartition("/")[2]
                listed = self._clients("sagemaker").list_model_packages(ModelPackageGroupName=group)
                if {
                    each["ModelPackageArn"] for each in listed["ModelPackageSummaryList"]
                } - self.deleted_packages:
                    return f"{group} is not empty"
        except ClientError as error:
            return f"{error}: not empty" if "BucketNotEmpty" in str(error) else str(error)
        return None

    def _describe_stack_events(self, **given: Any) -> dict[str, Any]:
        return {
            "StackEvents": [
                {
                    "StackId": self.id,
                    "StackName": PROJECT,
                    "EventId": str(number),
                    "Timestamp": NOW,
                    "LogicalResourceId": name,
                    "ResourceType": kind,
                    "ResourceStatus": status,
                    "ResourceStatusReason": reason,
                }
                for number, (name, kind, status, reason) in enumerate(self._events)
            ][::-1]
        }

    def _list_stack_resources(self, **given: Any) -> dict[str, Any]:
        return {
            "StackResourceSummaries": [
                {
                    "LogicalResourceId": name,
                    "PhysicalResourceId": physical,
                    "ResourceStatus": "CREATE_COMPLETE",
                }
                for name, physical in self._made.items()
            ]
        }

    def _update_termination_protection(self, **given: Any) -> dict[str, Any]:
        self.protected = given["EnableTerminationProtection"]
        return {}

    def _get_template(self, **given: Any) -> dict[str, Any]:
        return {"TemplateBody": self.body}

    def _happened(self, name: str, kind: str, status: str, reason: str) -> None:
        self._events.append((name, kind, status, reason))


def problems(template: Template, values: Mapping[str, str], region: str) -> Iterator[str]:
    """Why CloudFormation would refuse to make a change set."""
    for name, value in values.items():
        declared = template["Parameters"][name]
        pattern, allowed = declared.get("AllowedPattern"), declared.get("AllowedValues")
        if pattern is not None and re.fullmatch(pattern, value) is None:
            yield f"Parameter {name} failed to satisfy constraint: must match pattern {pattern}"
        if allowed is not None and value not in map(str, allowed):
            yield f"Parameter '{name}' must be one of AllowedValues"
    kinds = {resource["Type"] for resource in template["Resources"].values()}
    unknown = sorted(kind for kind in kinds if region in UNKNOWN_TYPES.get(kind, ()))
    if unknown:
        yield f"Template format error: Unrecognized resource types: {unknown} (in {region})"


def difference(before: object, now: object) -> str | None:
    """What a change set does to a resource."""
    if before == now:
        return None
    return "Add" if before is None else "Remove" if now is None else "Modify"


def refusal(operation: str, code: str, message: str) -> ClientError:
    """An error as CloudFormation answers it."""
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)
