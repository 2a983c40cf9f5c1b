"""What the stack is made of: known types and properties, references and no literals, bounds, parts that fit."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from infra.resolving import ResolvedStack
from tests.infra.security.properties import (
    Problems,
    must,
    policies_of_roles,
    resource_policies,
    trust_policies,
)

DEFINITION = Path(__file__).resolve().parents[2] / "pipeline" / "definition.golden.json"

# A type that is not here may bring a policy of its own, a way out, somebody else's account: look before adding it.
TYPES = {
    *("AWS::Budgets::Budget", "AWS::CloudWatch::Alarm", "AWS::ECR::Repository", "AWS::Events::Rule"),
    *(
        "AWS::EC2::FlowLog",
        "AWS::EC2::RouteTable",
        "AWS::EC2::SecurityGroup",
        "AWS::EC2::SecurityGroupEgress",
    ),
    *("AWS::EC2::SecurityGroupIngress", "AWS::EC2::Subnet", "AWS::EC2::SubnetRouteTableAssociation"),
    *("AWS::EC2::VPC", "AWS::EC2::VPCEndpoint", "AWS::IAM::ManagedPolicy", "AWS::IAM::OIDCProvider"),
    *(
        "AWS::IAM::Role",
        "AWS::KMS::Alias",
        "AWS::KMS::Key",
        "AWS::Lambda::Function",
        "AWS::Lambda::Permission",
    ),
    *("AWS::Logs::LogGroup", "AWS::S3::Bucket", "AWS::S3::BucketPolicy", "AWS::SageMaker::ModelPackageGroup"),
    *("AWS::SNS::Subscription", "AWS::SNS::Topic", "AWS::SNS::TopicPolicy", "AWS::SQS::Queue"),
    *("AWS::SQS::QueuePolicy", "AWS::SageMaker::MlflowApp", "AWS::CloudWatch::Dashboard"),
}
# Properties of types that can let others in, send data out, or lose it: those that are used, and no others.
PROPERTIES_OF = {
    "AWS::S3::Bucket": {
        *("BucketEncryption", "BucketName", "LifecycleConfiguration", "LoggingConfiguration"),
        *("NotificationConfiguration", "OwnershipControls", "PublicAccessBlockConfiguration"),
        "VersioningConfiguration",
    },
    "AWS::ECR::Repository": {
        *("EncryptionConfiguration", "ImageScanningConfiguration", "ImageTagMutability", "LifecyclePolicy"),
        "RepositoryName",
    },
    "AWS::SNS::Topic": {"KmsMasterKeyId", "TopicName"},
    "AWS::SNS::Subscription": {"Endpoint", "Protocol", "TopicArn"},
    "AWS::SQS::Queue": {"MessageRetentionPeriod", "QueueName", "SqsManagedSseEnabled"},
    "AWS::SageMaker::ModelPackageGroup": {
        "ModelPackageGroupDescription",
        "ModelPackageGroupName",
        "ModelPackageGroupPolicy",
    },
    "AWS::SageMaker::MlflowApp": {"ArtifactStoreUri", "ModelRegistrationMode", "Name", "RoleArn", "Tags"},
    "AWS::KMS::Key": {"Description", "EnableKeyRotation", "KeyPolicy", "PendingWindowInDays"},
    "AWS::Logs::LogGroup": {"KmsKeyId", "LogGroupName", "RetentionInDays"},
    "AWS::Events::Rule": {"Description", "EventPattern", "Name", "ScheduleExpression", "Targets"},
    "AWS::Lambda::Permission": {"Action", "FunctionName", "Principal", "SourceArn"},
    "AWS::Lambda::Function": {
        *("Code", "DeadLetterConfig", "Description", "Environment", "FunctionName", "Handler", "Role"),
        *("Runtime", "Timeout"),
    },
    "AWS::IAM::Role": {
        *("AssumeRolePolicyDocument", "Description", "ManagedPolicyArns", "PermissionsBoundary", "Policies"),
    },
    "AWS::IAM::ManagedPolicy": {"Description", "PolicyDocument", "Roles"},
    "AWS::EC2::Subnet": {"AvailabilityZone", "CidrBlock", "MapPublicIpOnLaunch", "Tags", "VpcId"},
}
HOSTS = {"token.actions.githubusercontent.com"}
PRINCIPALS = {
    *("budgets.amazonaws.com", "cloudwatch.amazonaws.com", "delivery.logs.amazonaws.com"),
    *("events.amazonaws.com", "lambda.amazonaws.com", "logging.s3.amazonaws.com", "sagemaker.amazonaws.com"),
    "sagemaker.application-autoscaling.amazonaws.com",
    "sts.amazonaws.com",  # the audience of GitHub's token
}


@must
def the_stack_is_made_of_known_types_and_properties(stack: ResolvedStack) -> Problems:
    for name, resource in stack.template["Resources"].items():
        if resource["Type"] not in TYPES:
            yield f"{name} is a {resource['Type']}"
        known = PROPERTIES_OF.get(resource["Type"])
        if known is not None and not set(resource.get("Properties", {})) <= known:
            yield f"{name} has {sorted(set(resource['Properties']) - known)}"


def texts(node: Any) -> Iterator[str]:
    """Every text within, the names of keys too."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key != "ZipFile":  # the function's code is run by tests of its own
                yield key
                yield from texts(value)
    elif isinstance(node, list):
        for each in node:
            yield from texts(each)
    elif isinstance(node, str):
        yield node


@must
def names_of_others_are_references(stack: ResolvedStack) -> Problems:
    """No account, region, address or ARN stands in the template: each is a parameter's, the stack's, or AWS's."""
    for name, resource in stack.template["Resources"].items():
        for written in texts(resource.get("Properties", {})):
            text = re.sub(r"\$\{AWS::(\w+)\}", r"${\1}", written)
            if re.search(r"(?<![0-9])[0-9]{12}(?![0-9])", text):
                yield f"{name} names an account: {text}"
            for arn in re.findall(r"arn:[^\"' ]*", text):
                parts = [*arn.split(":", 5), *[""] * 5]
                if parts[1] != "${Partition}":
                    yield f"{name} names a partition: {arn}"
                if parts[3] not in ("", "${Region}") or parts[4] not in (
                    "",
                    "${AccountId}",
                    "${Account}",
                    "${ReaderAccountId}",
                    "${ModelsAccountId}",
                ):
                    yield f"{name} names a region or an account: {arn}"
                own = ("${Project}-${AccountId}-${Region}", "${ModelsProject}-${ModelsAccountId}-${Region}/")
                if parts[2] == "s3" and not parts[5].startswith(own):
                    yield f"{name} names a bucket: {arn}"
            for host in re.findall(r"https?://([^/\"' ]+)", text):
                if host not in HOSTS:
                    yield f"{name} names a host: {host}"
            for bucket in re.findall(r"s3://([^/\"' ]+)", text):
                if bucket != "${Bucket}":
                    yield f"{name} names a bucket: {bucket}"
            if re.search(r"(?<![a-z])(af|ap|ca|cn|eu|il|me|mx|sa|us)(-gov)?-[a-z]+-[0-9]", text):
                yield f"{name} names a region: {text}"
            if re.fullmatch(r"[a-z0-9.-]+\.amazonaws\.com(\.cn)?", text) and text not in PRINCIPALS:
                yield f"{name} names a service: {text}"


@must
def what_a_policy_of_a_resource_denies_is_denied_to_everybody(stack: ResolvedStack) -> Problems:
    for name, statements in resource_policies(stack):
        for statement in statements:
            if statement["Effect"] == "Deny" and statement["Principal"] != "*":
                yield f"{name}.{statement['Sid']} binds {statement['Principal']} alone"
            if statement["Effect"] == "Deny" and "Condition" not in statement:
                yield f"{name}.{statement['Sid']} locks everybody out"
            if statement["Effect"] not in ("Allow", "Deny"):
                yield f"{name}.{statement['Sid']} has the effect {statement['Effect']}"


@must
def policies_have_the_version_that_knows_variables_and_no_odd_elements(stack: ResolvedStack) -> Problems:
    everywhere = [*policies_of_roles(stack), *trust_policies(stack), *resource_policies(stack)]
    known = {"Sid", "Effect", "Principal", "Action", "Resource", "Condition"}
    for name, statements in everywhere:
        sids = [statement.get("Sid") for statement in statements]
        if None in sids or len(set(sids)) < len(sids):
            yield f"{name} has statements without a name of their own: {sids}"
        for statement in statements:
            if not set(statement) <= known:
                yield f"{name}.{statement.get('Sid')} has {sorted(set(statement) - known)}"
    for resource, properties in stack.resources.items():
        for document in documents(properties.get("Properties", {})):
            if document.get("Version") != "2012-10-17":
                yield f"{resource} has a policy of {document.get('Version')}"


def documents(node: Any) -> Iterator[dict[str, Any]]:
    """Every policy within."""
    if isinstance(node, dict):
        if "Statement" in node:
            yield node
        for value in node.values():
            yield from documents(value)
    elif isinstance(node, list):
        for each in node:
            yield from documents(each)
