"""What must be true of the stack's security: each property is a function that says what is wrong with a stack.

test_security.py asserts that they find nothing in the template; test_mutations.py, that each regression it makes is
found. They look at the stack with every option on (EVERYTHING).
The modules beside this one put their properties on the list; all_properties.py has them all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from infra.resolving import ACCOUNT, REGION, ResolvedStack
from pipeline.targets.aws.iam_evaluator import as_list

EVERYTHING = {
    "CreateVpc": "true",
    "CreateRepository": "true",
    "CreateMlflowApp": "true",
    "GitHubRepository": "owner/name",
    "NotificationEmail": "somebody@example.com",
    "Schedule": "rate(7 days)",
    "UploadFolder": "incoming",
    "MonitorSchedule": "rate(1 day)",
    "RetrainOnDrift": "true",
    "DeployApproved": "true",
    "EndpointInstanceType": "ml.m5.large",
    "UndeployRejected": "true",
    "ZoneA": "us-east-1d",
    "ZoneB": "us-east-1f",
    "PermissionsBoundaryArn": f"arn:aws:iam::{ACCOUNT}:policy/boundary",
}

GITHUB = "token.actions.githubusercontent.com"
QUEUE = f"arn:aws:sqs:{REGION}:{ACCOUNT}:fashion-mnist-undelivered"
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:fashion-mnist-notifications"

# Where AWS offers no resource to name; infra/check.py asks AWS's own list.
KNOW_NO_RESOURCES = {
    "application-autoscaling:DescribeScalableTargets",
    "application-autoscaling:DescribeScalingPolicies",
    "cloudwatch:PutMetricData",
    "ec2:DescribeDhcpOptions",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcs",
    "ecr:GetAuthorizationToken",
    "iam:ListAccountAliases",
    "pricing:GetProducts",
    "sagemaker:ListDomains",
    "sagemaker:ListEndpointConfigs",
    "sagemaker:ListModels",
    "servicequotas:GetServiceQuota",
    "servicequotas:ListServiceQuotas",
}
# Statements for services that AWS says cannot have aws:SourceAccount and aws:SourceArn.
WITHOUT_SOURCE = {("Key", "EncryptLogs"), ("Key", "EncryptNotifications"), ("TopicPolicy", "PublishEvents")}
# Where the ARN must do, which has the account in it: EventBridge documents no more for its dead-letter queues.
BY_ARN_ALONE = {("UndeliveredPolicy", "TakeUndelivered")}
# Where aws:SourceAccount must do: AWS does not document that Lambda names the function when it takes its role.
BY_ACCOUNT_ALONE = {("DeployFunctionRole", "RunAsFunction")}

Problems = Iterator[str]
Property = Callable[[ResolvedStack], Problems]

PROPERTIES: list[Property] = []


def must(check: Property) -> Property:
    """Puts a property on the list."""
    PROPERTIES.append(check)
    return check


def resource_policies(stack: ResolvedStack) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Name and statements of every policy that belongs to a resource, not to a role."""
    places = {
        "AWS::S3::BucketPolicy": "PolicyDocument",
        "AWS::SNS::TopicPolicy": "PolicyDocument",
        "AWS::KMS::Key": "KeyPolicy",
        "AWS::SQS::QueuePolicy": "PolicyDocument",
        "AWS::EC2::VPCEndpoint": "PolicyDocument",
        "AWS::SageMaker::ModelPackageGroup": "ModelPackageGroupPolicy",
    }
    for kind, place in places.items():
        for name, properties in stack.of_type(kind).items():
            if kind != "AWS::SageMaker::ModelPackageGroup" or place in properties:
                yield name, properties.get(place, {"Statement": []})["Statement"]


def policies_of_roles(stack: ResolvedStack) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Name of the resource, and statements, of every policy that says what a role may do."""
    for name, properties in stack.of_type("AWS::IAM::Role").items():
        for policy in properties.get("Policies", []):
            yield name, policy["PolicyDocument"]["Statement"]
    for name, properties in stack.of_type("AWS::IAM::ManagedPolicy").items():
        yield name, properties["PolicyDocument"]["Statement"]


def trust_policies(stack: ResolvedStack) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Name and statements of who may take each role."""
    for name, properties in stack.of_type("AWS::IAM::Role").items():
        yield name, properties["AssumeRolePolicyDocument"]["Statement"]


def condition(statement: dict[str, Any], operators: tuple[str, ...], key: str) -> list[str]:
    """The values that `statement` wants `key` to have, under one of `operators`."""
    conditions = statement.get("Condition", {})
    return [
        str(value) for operator in operators for value in as_list(conditions.get(operator, {}).get(key, []))
    ]
