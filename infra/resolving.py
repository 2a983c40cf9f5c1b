"""What CloudFormation makes of a template for given parameters: conditions decided, functions evaluated.

infra/check.py and the tests look at concrete policies with it; AWS is not asked. It knows the functions that
infra/stack.yaml uses and refuses others. Identifiers that AWS would make up are made from the logical names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from infra.template import Template

ACCOUNT = "111122223333"
REGION = "us-east-1"
# Partition and DNS suffix by the beginning of a region's name.
PARTITIONS = {"cn-": ("aws-cn", "amazonaws.com.cn"), "us-gov-": ("aws-us-gov", "amazonaws.com")}

_MISSING = object()


@dataclass
class ResolvedStack:
    """A template's resources and outputs as they would be made. Resources whose condition is false are left out."""

    template: Template
    parameters: Mapping[str, str]
    resources: dict[str, dict[str, Any]] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)

    def properties(self, name: str) -> dict[str, Any]:
        """The properties of the resource `name`; an empty mapping when it is not made."""
        found: dict[str, Any] = self.resources.get(name, {}).get("Properties", {})
        return found

    def of_type(self, kind: str) -> dict[str, dict[str, Any]]:
        """The properties of every resource of a type, such as AWS::IAM::Role, by logical name."""
        return {
            name: resource.get("Properties", {})
            for name, resource in self.resources.items()
            if resource["Type"] == kind
        }

    def metadata(self, name: str) -> dict[str, Any]:
        """The metadata of the resource `name`."""
        found: dict[str, Any] = self.resources.get(name, {}).get("Metadata", {})
        return found


def resolve_template(
    template: Template, parameters: Mapping[str, str] | None = None, region: str = REGION
) -> ResolvedStack:
    """The stack that `template` makes in `region` with `parameters`, and with its defaults for the others.

    Raises:
        ValueError: an unknown parameter, a reference to nothing, or a function that is not known here.
    """
    declared = template["Parameters"]
    if unknown := set(parameters or {}) - set(declared):
        raise ValueError(f"the template has no parameters {sorted(unknown)}.")
    values = {name: str(each.get("Default", "")) for name, each in declared.items()} | dict(parameters or {})
    resolver = _Resolver(template, values, region)
    stack = ResolvedStack(template, values)
    for name, resource in template["Resources"].items():
        if resolver.holds(resource.get("Condition")):
            stack.resources[name] = resolver.value(
                {key: value for key, value in resource.items() if key != "Condition"}
            )
    for name, output in template["Outputs"].items():
        if resolver.holds(output.get("Condition")):
            stack.outputs[name] = resolver.value(output["Value"])
    return stack


def partition_of(region: str) -> tuple[str, str]:
    """The partition that a region is in, and its DNS suffix."""
    found = [value for beginning, value in PARTITIONS.items() if region.startswith(beginning)]
    return found[0] if found else ("aws", "amazonaws.com")


def condition_holds(template: Template, condition: str, region: str) -> bool:
    """Whether a condition that is about the region alone holds there."""
    return _Resolver(template, {}, region).holds(condition)


class _Resolver:
    def __init__(self, template: Template, parameters: Mapping[str, str], region: str) -> None:
        self.template = template
        self.parameters = parameters
        self.region = region
        self.partition, self.suffix = partition_of(region)
        self._held: dict[str, bool] = {}
        # The same few references stand in most statements.
        self._referred: dict[str, Any] = {}
        self._attributes: dict[tuple[str, str], str] = {}

    def holds(self, condition: str | None) -> bool:
        if condition is None:
            return True
        if condition not in self._held:
            self._held[condition] = bool(self.value(self.template["Conditions"][condition]))
        return self._held[condition]

    def value(self, node: Any) -> Any:
        if isinstance(node, list):
            return [value for each in node if (value := self.value(each)) is not _MISSING]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            ((name, argument),) = node.items()
            if name == "Ref":
                return self.reference(argument)
            if name == "Condition" and isinstance(argument, str):
                return self.holds(argument)
            if name.startswith("Fn::"):
                return self.function(name, argument)
        return {key: value for key, each in node.items() if (value := self.value(each)) is not _MISSING}

    def function(self, name: str, argument: Any) -> Any:
        if name == "Fn::If":
            condition, then, otherwise = argument
            return self.value(then if self.holds(condition) else otherwise)
        if name == "Fn::Sub":
            return self.substitute(argument)
        if name == "Fn::GetAtt":
            return self.attribute(*argument)
        values = self.value(argument)
        if name == "Fn::Equals":
            return str(values[0]) == str(values[1])
        if name == "Fn::Not":
            return not values[0]
        if name == "Fn::And":
            return all(values)
        if name == "Fn::Or":
            return any(values)
        if name == "Fn::Join":
            return values[0].join(values[1])
        if name == "Fn::Select":
            return values[1][int(values[0])]
        if name == "Fn::GetAZs":
            return [f"{self.region}{zone}" for zone in "abc"]
        if name == "Fn::FindInMap":
            table, first, second = values
            return self.template["Mappings"][table][first][second]
        raise ValueError(f"the function {name} of the template is not known here.")

    def substitute(self, argument: Any) -> str:
        text, names = argument if isinstance(argument, list) else (argument, {})

        def replacement(match: re.Match[str]) -> str:
            name = match[1]
            if name in names:
                return str(self.value(names[name]))
            return str(self.attribute(*name.split(".", 1)) if "." in name else self.reference(name))

        return re.sub(r"\$\{([^!}]+)\}", replacement, text).replace("${!", "${")

    def reference(self, name: str) -> Any:
        if name not in self._referred:
            self._referred[name] = self._find_reference(name)
        return self._referred[name]

    def attribute(self, name: str, attribute: str) -> str:
        if (name, attribute) not in self._attributes:
            self._attributes[name, attribute] = self._find_attribute(name, attribute)
        return self._attributes[name, attribute]

    def _find_reference(self, name: str) -> Any:
        project = self.parameters.get("Project")
        pseudo = {
            "AWS::AccountId": ACCOUNT,
            "AWS::Region": self.region,
            "AWS::Partition": self.partition,
            "AWS::URLSuffix": self.suffix,
            "AWS::StackId": f"arn:{self.partition}:cloudformation:{self.region}:{ACCOUNT}:stack/{project}/1",
            "AWS::NoValue": _MISSING,
        }
        if name in pseudo:
            return pseudo[name]
        if name in self.parameters:
            return self.parameters[name]
        resource = self.resource(name)
        properties = resource.get("Properties", {})
        kind = resource["Type"]
        if kind == "AWS::S3::Bucket":
            return self.value(properties["BucketName"])
        if kind == "AWS::SNS::Topic":
            return f"arn:{self.partition}:sns:{self.region}:{ACCOUNT}:{self.value(properties['TopicName'])}"
        if kind == "AWS::CloudWatch::Alarm":
            return self.value(properties["AlarmName"])
        if kind == "AWS::IAM::Role":
            return name
        if kind == "AWS::IAM::ManagedPolicy":
            return f"arn:{self.partition}:iam::{ACCOUNT}:policy/{name}"
        if kind == "AWS::IAM::OIDCProvider":
            host = properties["Url"].removeprefix("https://")
            return f"arn:{self.partition}:iam::{ACCOUNT}:oidc-provider/{host}"
        return name.lower()

    def _find_attribute(self, name: str, attribute: str) -> str:
        resource = self.resource(name)
        kind = resource["Type"]
        arns = {
            ("AWS::KMS::Key", "Arn"): f"arn:{self.partition}:kms:{self.region}:{ACCOUNT}:key/{name}",
            ("AWS::S3::Bucket", "Arn"): f"arn:{self.partition}:s3:::{{name}}",
            ("AWS::IAM::Role", "Arn"): f"arn:{self.partition}:iam::{ACCOUNT}:role/{name}",
            (
                "AWS::ECR::Repository",
                "Arn",
            ): f"arn:{self.partition}:ecr:{self.region}:{ACCOUNT}:repository/{{name}}",
            (
                "AWS::ECR::Repository",
                "RepositoryUri",
            ): f"{ACCOUNT}.dkr.ecr.{self.region}.{self.suffix}/{{name}}",
            ("AWS::EC2::SecurityGroup", "GroupId"): name.lower(),
            (
                "AWS::SageMaker::MlflowApp",
                "Arn",
            ): f"arn:{self.partition}:sagemaker:{self.region}:{ACCOUNT}:mlflow-app/app-0",
            ("AWS::SQS::Queue", "Arn"): f"arn:{self.partition}:sqs:{self.region}:{ACCOUNT}:{{name}}",
            ("AWS::SQS::Queue", "QueueName"): "{name}",
            (
                "AWS::Lambda::Function",
                "Arn",
            ): f"arn:{self.partition}:lambda:{self.region}:{ACCOUNT}:function:{{name}}",
            (
                "AWS::Events::Rule",
                "Arn",
            ): f"arn:{self.partition}:events:{self.region}:{ACCOUNT}:rule/{{name}}",
        }
        if (kind, attribute) not in arns:
            raise ValueError(f"the attribute {name}.{attribute} of the template is not known here.")
        properties = resource.get("Properties", {})
        own_names = ("BucketName", "RepositoryName", "FunctionName", "QueueName", "Name")
        named = next((properties[key] for key in own_names if key in properties), name)
        return arns[kind, attribute].replace("{name}", str(self.value(named)))

    def resource(self, name: str) -> Template:
        if name not in self.template["Resources"]:
            raise ValueError(f"the template declares no {name}.")
        found: Template = self.template["Resources"][name]
        return found
