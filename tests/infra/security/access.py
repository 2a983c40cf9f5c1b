"""Who may reach the data and take the roles: services, the account's administrators, one workflow."""

from __future__ import annotations

import re

from infra.resolving import ACCOUNT, REGION, ResolvedStack, resolve_template
from pipeline.targets.aws.iam_evaluator import Request, as_list, decide
from tests.infra.requests_of_roles import BUCKET, KEY, ROLES
from tests.infra.security.properties import (
    BY_ACCOUNT_ALONE,
    BY_ARN_ALONE,
    EVERYTHING,
    GITHUB,
    QUEUE,
    TOPIC,
    WITHOUT_SOURCE,
    Problems,
    condition,
    must,
    resource_policies,
    trust_policies,
)


@must
def buckets_and_topic_refuse_what_is_not_encrypted_on_its_way(stack: ResolvedStack) -> Problems:
    policies = dict(resource_policies(stack))
    who = f"arn:aws:iam::{ACCOUNT}:role/Administrator"
    asked = [
        ("BucketPolicy", Request("s3:GetObject", f"{BUCKET}/fashion-mnist/x", principal=who)),
        ("BucketPolicy", Request("s3:ListBucket", BUCKET, principal=who)),
        ("LogBucketPolicy", Request("s3:GetObject", f"{BUCKET}-logs/s3/x", principal=who)),
        ("LogBucketPolicy", Request("s3:ListBucket", f"{BUCKET}-logs", principal=who)),
        ("TopicPolicy", Request("sns:Publish", TOPIC, principal=who)),
        ("UndeliveredPolicy", Request("sqs:SendMessage", QUEUE, principal=who)),
    ]
    for policy, request in asked:
        for context, wanted in (
            ({"aws:SecureTransport": "false"}, True),
            ({"aws:SecureTransport": "true"}, False),
        ):
            asking = Request(request.action, request.resource, context, request.principal)
            if (decide(policies.get(policy, []), asking) == "denied") != wanted:
                yield f"{policy}: {request.action} with {context} is {'not ' if wanted else ''}denied"
    old = Request("s3:GetObject", f"{BUCKET}/fashion-mnist/x", {"s3:TlsVersion": "1.1"}, who)
    if decide(policies.get("BucketPolicy", []), old) != "denied":
        yield "the bucket accepts TLS 1.1"


@must
def the_bucket_takes_no_other_encryption(stack: ResolvedStack) -> Problems:
    name, key = "s3:x-amz-server-side-encryption", "s3:x-amz-server-side-encryption-aws-kms-key-id"
    cases: list[tuple[dict[str, str], str]] = [
        ({}, "not allowed"),  # left to the roles' own policies: the bucket's default encrypts it
        ({name: "aws:kms"}, "denied"),  # without a key that means AWS's own
        ({name: "aws:kms", key: KEY}, "not allowed"),
        ({name: "AES256"}, "denied"),
        ({name: "aws:kms", key: KEY.replace("/Key", "/Another")}, "denied"),
    ]
    statements = dict(resource_policies(stack)).get("BucketPolicy", [])
    for context, wanted in cases:
        for folder in ("code", "raw", "executions"):
            found = decide(statements, Request("s3:PutObject", f"{BUCKET}/fashion-mnist/{folder}/x", context))
            if found != wanted:
                yield f"writing to {folder} with {context} is {found}, not {wanted}"
    checkpoint = Request("s3:PutObject", f"{BUCKET}/fashion-mnist/checkpoints/x", {name: "aws:kms"})
    if decide(statements, checkpoint) != "not allowed":
        yield "a checkpoint, for which SageMaker's API takes no key, fails its training"


@must
def resources_let_nobody_in_but_services_and_the_accounts_administrators(stack: ResolvedStack) -> Problems:
    services = {
        "LogBucketPolicy": {"logging.s3.amazonaws.com", "delivery.logs.amazonaws.com"},
        "TopicPolicy": {"cloudwatch.amazonaws.com", "events.amazonaws.com", "budgets.amazonaws.com"},
        "UndeliveredPolicy": {"events.amazonaws.com"},
        "Key": {
            f"logs.{REGION}.amazonaws.com",
            "cloudwatch.amazonaws.com",
            "events.amazonaws.com",
            "budgets.amazonaws.com",
        },
    }
    for policy, statements in resource_policies(stack):
        if policy in stack.of_type("AWS::EC2::VPCEndpoint"):
            continue  # who may pass, not who may come in
        for statement in statements:
            principal = statement["Principal"]
            if statement["Effect"] == "Deny" or principal == {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}:
                continue
            named = set(as_list(principal.get("Service", "*"))) if isinstance(principal, dict) else {"*"}
            if not named <= services.get(policy, set()) or set(principal) != {"Service"}:
                yield f"{policy}.{statement['Sid']} lets in {principal}"


@must
def services_act_for_this_account_only(stack: ResolvedStack) -> Problems:
    """The confused deputy: a service must be asked by this account's own resources."""
    for name, statements in [*trust_policies(stack), *resource_policies(stack)]:
        for statement in statements:
            principal = statement["Principal"]
            if statement["Effect"] == "Deny" or not isinstance(principal, dict) or "Service" not in principal:
                continue
            sid = statement["Sid"]
            if (name, sid) in WITHOUT_SOURCE:
                scoped = [
                    str(value)
                    for keys in statement.get("Condition", {}).values()
                    for values in keys.values()
                    for value in as_list(values)
                ]
                unconditional = (name, sid) == ("TopicPolicy", "PublishEvents")
                if not unconditional and (not scoped or any(ACCOUNT not in value for value in scoped)):
                    yield f"{name}.{sid} is for every account"
                if unconditional and statement["Action"] != "sns:Publish":
                    yield f"{name}.{sid} allows {statement['Action']}"
                continue
            if (name, sid) not in BY_ARN_ALONE and condition(
                statement, ("StringEquals",), "aws:SourceAccount"
            ) != [ACCOUNT]:
                yield f"{name}.{sid} does not check aws:SourceAccount"
            if (name, sid) in BY_ACCOUNT_ALONE:
                continue
            arns = condition(statement, ("ArnLike", "ArnEquals"), "aws:SourceArn")
            if not arns or any(
                f":{ACCOUNT}:" not in arn and not arn.startswith("arn:aws:s3:::") for arn in arns
            ):
                yield f"{name}.{sid} is for another account"
            if not arns or any(":*:" in arn or arn.endswith(":*:*") or arn == "*" for arn in arns):
                yield f"{name}.{sid} does not check aws:SourceArn"


@must
def a_role_is_taken_by_those_it_is_for(stack: ResolvedStack) -> Problems:
    wanted: dict[str, tuple[str, set[str]]] = {
        "PipelineRole": (
            "sagemaker",
            {
                f"pipeline/{name}{rest}"
                for name in ("fashion-mnist", "fashion-mnist-batch", "fashion-mnist-monitor")
                for rest in ("", "/*")
            },
        ),
        "JobRole": (
            "sagemaker",
            {
                "training-job/pipelines-*",
                "processing-job/pipelines-*",
                "training-job/????????????-Tune-*",
                "hyper-parameter-tuning-job/pipelines-*",
                "hyper-parameter-tuning-job/????????????-Tune-*",
            },
        ),
        "EvaluationRole": ("sagemaker", {"processing-job/pipelines-*"}),
        "MlflowRole": ("sagemaker", {"mlflow-app/*"}),
        "EndpointRole": ("sagemaker", {"*"}),  # AWS documents that no single model or endpoint can be named
        "DeployFunctionRole": ("lambda", set()),  # see BY_ACCOUNT_ALONE
        "TriggerRole": (
            "events",
            {f"rule/fashion-mnist-{each}" for each in ("monitor", "retrain", "schedule", "upload")},
        ),
    }
    trusted = dict(trust_policies(stack))
    if set(trusted) != set(ROLES):
        yield f"the roles are {sorted(trusted)}"
    for role, (service, sources) in wanted.items():
        principal = {"Service": f"{service}.amazonaws.com"}
        for statement in trusted.get(role, []):
            if (statement["Effect"], statement["Principal"], statement["Action"]) != (
                "Allow",
                principal,
                "sts:AssumeRole",
            ):
                yield f"{role} is taken by {statement['Principal']}"
            arns = condition(statement, ("ArnLike", "ArnEquals"), "aws:SourceArn")
            if {arn.removeprefix(f"arn:aws:{service}:{REGION}:{ACCOUNT}:") for arn in arns} != sources:
                yield f"{role} is taken for {arns}"


@must
def github_takes_the_deployer_role_from_one_place(stack: ResolvedStack) -> Problems:
    (statement,) = stack.properties("DeployerRole")["AssumeRolePolicyDocument"]["Statement"]
    if statement["Principal"] != {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{GITHUB}"}:
        yield f"the deployer is {statement['Principal']}"
    if (statement["Effect"], statement["Action"]) != ("Allow", "sts:AssumeRoleWithWebIdentity"):
        yield f"GitHub is {statement['Effect']}ed {statement['Action']}"
    if condition(statement, ("StringEquals",), f"{GITHUB}:aud") != ["sts.amazonaws.com"]:
        yield "the token's audience is not checked"
    if condition(statement, ("StringEquals",), f"{GITHUB}:sub") != ["repo:owner/name:ref:refs/heads/main"]:
        yield "the token's subject is not checked"
    pattern = stack.template["Parameters"]["GitHubSubject"].get("AllowedPattern", "")
    if any(re.fullmatch(pattern, subject) for subject in ("*", "ref:refs/heads/*", "pull_request", "")):
        yield "the subject can be any"


@must
def without_github_the_deployer_role_is_this_accounts(stack: ResolvedStack) -> Problems:
    without = resolve_template(stack.template, {**EVERYTHING, "GitHubRepository": ""})
    named = f"arn:aws:iam::{ACCOUNT}:role/ci"
    with_name = resolve_template(stack.template, {"DeployerPrincipalArn": named})
    for resolved, who in ((without, f"arn:aws:iam::{ACCOUNT}:root"), (with_name, named)):
        statements = resolved.properties("DeployerRole")["AssumeRolePolicyDocument"]["Statement"]
        found = [(each["Effect"], each["Principal"], each["Action"]) for each in statements]
        if found != [("Allow", {"AWS": who}, "sts:AssumeRole")]:
            yield f"the deployer is {statements}"
        if "GitHubOidcProvider" in resolved.resources:
            yield "GitHub is trusted unasked"
