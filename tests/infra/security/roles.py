"""What roles may do: named actions on named resources, and no approving of models."""

from __future__ import annotations

import re

from infra.resolving import ACCOUNT, REGION, ResolvedStack
from pipeline.targets.aws.iam_evaluator import Request, as_list, decide
from tests.infra.requests_of_roles import ALLOWED, BUCKET, KEY, REFUSED, ROLES, VIA_S3, identity_statements
from tests.infra.security.properties import (
    EVERYTHING,
    KNOW_NO_RESOURCES,
    Problems,
    condition,
    must,
    policies_of_roles,
    resource_policies,
)


@must
def roles_hand_on_only_the_roles_they_must_and_only_to_sagemaker(stack: ResolvedStack) -> Problems:
    role = f"arn:aws:iam::{ACCOUNT}:role"
    wanted = {
        "PipelineRole": {f"{role}/JobRole", f"{role}/EvaluationRole"},
        "DeployerRole": {f"{role}/PipelineRole"},
        "ServePolicy": {f"{role}/EndpointRole"},
    }
    for name, statements in policies_of_roles(stack):
        for statement in statements:
            if not any(
                re.fullmatch(r"iam:(PassRole|\*|Pass\*)|\*", each) for each in as_list(statement["Action"])
            ):
                continue
            if set(as_list(statement["Resource"])) != wanted.get(name):
                yield f"{name} passes {statement['Resource']}"
            if condition(statement, ("StringEquals",), "iam:PassedToService") != ["sagemaker.amazonaws.com"]:
                yield f"{name} passes roles to any service"


@must
def roles_have_no_policies_but_their_own(stack: ResolvedStack) -> Problems:
    own = {
        "JobRole": ["ContainerPolicy"],
        "EvaluationRole": ["ContainerPolicy"],
        "DeployerRole": ["ServePolicy", "ScalePolicy"],
        "DeployFunctionRole": ["ServePolicy", "ScalePolicy"],
    }
    for name, properties in stack.of_type("AWS::IAM::Role").items():
        wanted = [f"arn:aws:iam::{ACCOUNT}:policy/{each}" for each in own.get(name, [])]
        if properties.get("ManagedPolicyArns", []) != wanted:
            yield f"{name} has {properties.get('ManagedPolicyArns')}"
    attached = {
        "ContainerPolicy": [],
        "NetworkPolicy": ["JobRole", "EvaluationRole"],
        "PullPolicy": ["JobRole", "EvaluationRole"],
        "PushPolicy": ["DeployerRole"],
        "TrackPolicy": ["DeployerRole", "PipelineRole"],
        "TrackFilesPolicy": ["DeployerRole"],
        "ServePolicy": [],
        "ScalePolicy": [],
    }
    for name, properties in stack.of_type("AWS::IAM::ManagedPolicy").items():
        if {"Users", "Groups"} & set(properties) or properties.get("Roles", []) != attached.get(name):
            yield f"{name} attaches itself to {properties.get('Roles')}"


@must
def no_action_is_a_wildcard(stack: ResolvedStack) -> Problems:
    for name, statements in [*policies_of_roles(stack), *resource_policies(stack)]:
        for statement in statements:
            if statement["Effect"] == "Deny" or (name, statement["Sid"]) == ("Key", "AdministerThroughIam"):
                continue
            if "NotAction" in statement or any("*" in each for each in as_list(statement.get("Action", "*"))):
                yield f"{name}.{statement['Sid']} allows {statement.get('Action', 'all but some actions')}"


@must
def every_wildcard_resource_is_forced_and_explained(stack: ResolvedStack) -> Problems:
    for name, statements in [*policies_of_roles(stack), *resource_policies(stack)]:
        reasons = stack.metadata(name).get("WildcardReasons", {})
        explained = set()
        for statement in statements:
            if statement["Effect"] == "Deny":
                continue
            if "NotResource" in statement:
                yield f"{name}.{statement['Sid']} allows all but some resources"
            if not any(
                re.fullmatch(r"[*:]+|arn(:\*)+", each) for each in as_list(statement.get("Resource", "*"))
            ):
                continue
            explained.add(statement["Sid"])
            if len(reasons.get(statement["Sid"], "")) < 20:
                yield f"{name}.{statement['Sid']} has no reason for its wildcard"
            if name != "Key" and not set(as_list(statement["Action"])) <= KNOW_NO_RESOURCES:
                yield f"{name}.{statement['Sid']} could name its resources"
        if set(reasons) - explained:
            yield f"{name} explains {sorted(set(reasons) - explained)}, which are no wildcards"


@must
def named_resources_are_this_accounts(stack: ResolvedStack) -> Problems:
    """An ARN says whose it is; S3's do not, so they must begin with a bucket of this stack."""
    for name, statements in policies_of_roles(stack):
        for statement in statements:
            for resource in as_list(statement["Resource"]):
                if resource == "*":
                    continue
                _, _, service, region, account, _ = resource.split(":", 5)
                if service == "s3":
                    if not (resource == BUCKET or resource.startswith(f"{BUCKET}/fashion-mnist/")):
                        yield f"{name}.{statement['Sid']} is about {resource}"
                elif (account, service) != ("763104351884", "ecr") and account != ACCOUNT:
                    yield f"{name}.{statement['Sid']} is about another account: {resource}"
                elif region != REGION and service != "iam":
                    yield f"{name}.{statement['Sid']} is about another region: {resource}"


@must
def roles_can_do_their_work_and_nothing_else(stack: ResolvedStack) -> Problems:
    for role in ROLES:
        statements = identity_statements(stack, role)
        for request in ALLOWED[role]:
            if decide(statements, request) != "allowed":
                yield f"{role} cannot {request.action} on {request.resource}"
        for request in REFUSED[role]:
            if decide(statements, request) == "allowed":
                yield f"{role} can {request.action} on {request.resource} with {request.context}"


@must
def nobody_approves_models_even_with_full_access(stack: ResolvedStack) -> Problems:
    full = {"Effect": "Allow", "Action": "sagemaker:*", "Resource": "*"}
    approved = {"sagemaker:ModelApprovalStatus": "Approved"}
    for role in ("EvaluationRole", "DeployerRole", "DeployFunctionRole"):
        statements = [*identity_statements(stack, role), full]
        for action in ("sagemaker:CreateModelPackage", "sagemaker:UpdateModelPackage"):
            for group in ("fashion-mnist", "another"):
                package = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package/{group}/1"
                if decide(statements, Request(action, package, approved)) != "denied":
                    yield f"{role} with full access can {action} approved models"


@must
def the_key_is_used_through_s3_or_by_jobs_alone(stack: ResolvedStack) -> Problems:
    for role in ("PipelineRole", "JobRole", "EvaluationRole", "DeployerRole"):
        statements = identity_statements(stack, role)
        if decide(statements, Request("kms:Decrypt", KEY, VIA_S3)) != "allowed":
            yield f"{role} cannot read what is encrypted"
        by_itself = () if role in ("JobRole", "EvaluationRole") else ("kms:Decrypt", "kms:GenerateDataKey")
        for action in (*by_itself, "kms:CreateGrant", "kms:ScheduleKeyDeletion", "kms:ReEncryptFrom"):
            if decide(statements, Request(action, KEY)) == "allowed":
                yield f"{role} can {action} by itself"
        elsewhere = {"kms:ViaService": f"secretsmanager.{REGION}.amazonaws.com"}
        if decide(statements, Request("kms:Decrypt", KEY, elsewhere)) == "allowed":
            yield f"{role} uses the key through any service"
    endpoint = identity_statements(stack, "EndpointRole")
    if decide(endpoint, Request("kms:Decrypt", KEY, VIA_S3)) != "allowed":
        yield "endpoints cannot read models"
    if decide(endpoint, Request("kms:Decrypt", KEY)) == "allowed":
        yield "endpoints can decrypt by themselves"


@must
def every_role_is_bounded_where_that_is_asked_for(stack: ResolvedStack) -> Problems:
    for name, properties in stack.of_type("AWS::IAM::Role").items():
        if properties.get("PermissionsBoundary") != EVERYTHING["PermissionsBoundaryArn"]:
            yield f"{name} is not bounded"
