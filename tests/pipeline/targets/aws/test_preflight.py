from __future__ import annotations

import json
from dataclasses import replace

import pytest

from pipeline.errors import PreflightFailed
from pipeline.targets.aws.iam_evaluator import Request
from pipeline.targets.aws.images import chosen_images
from pipeline.targets.aws.plan import Job
from pipeline.targets.aws.preflight import (
    Finding,
    check_account,
    check_bucket,
    check_group,
    check_images,
    check_key,
    check_quotas,
    check_requests,
    check_roles,
    find_stack,
    require_all,
)
from pipeline.targets.aws.role_requests import RoleRequest
from tests.pipeline.targets.aws.stubbed import ARN, ID, NOW, REGION, STACK, Stubbed

TRUST = json.dumps({"Statement": [{"Principal": {"Service": "sagemaker.amazonaws.com"}}]})
JOBS = [Job("Train-a-0", "Training", "ml.g5.xlarge", 2, 3600)]
QUOTA = "ml.g5.xlarge for training job usage"


def has_role(stubbed: Stubbed, name: str, trust: str = TRUST) -> None:
    described = {
        "Path": "/",
        "RoleName": name,
        "RoleId": "AROA0123456789012345",
        "Arn": f"arn:aws:iam::{ID}:role/{name}",
        "CreateDate": NOW,
        "AssumeRolePolicyDocument": trust,
    }
    stubbed.on("iam", "get_role", {"Role": described}, RoleName=name)


def has_quota(stubbed: Stubbed, value: float) -> None:
    quota = {"QuotaName": QUOTA, "QuotaCode": "L-1", "Value": value}
    stubbed.on("service-quotas", "list_service_quotas", {"Quotas": [quota]})


def verdicts(findings: list[Finding]) -> list[str]:
    return [finding.verdict for finding in findings]


def test_roles_are_there_and_sagemaker_may_assume_them(stubbed: Stubbed) -> None:
    has_role(stubbed, "fashion-mnist-pipeline")
    has_role(stubbed, "fashion-mnist-jobs", "{}")
    stubbed.fails("iam", "get_role", "NoSuchEntity", "The role cannot be found.", status=404)
    found = check_roles(stubbed.account(), STACK)
    assert verdicts(found) == ["good", "wrong", "wrong"]
    assert "cannot be assumed by sagemaker.amazonaws.com" in found[1].what
    assert "role of the evaluation: fashion-mnist-evaluation: there is none" in found[2].what
    assert "make infra-deploy" in found[2].hint


def test_what_one_may_not_look_at_is_unknown(stubbed: Stubbed) -> None:
    for _ in range(3):
        stubbed.fails("iam", "get_role", "AccessDenied")
    found = check_roles(stubbed.account(), STACK)
    assert verdicts(found) == ["unknown"] * 3
    assert "these credentials may not look" in found[0].what


def test_the_bucket_is_there_and_here(stubbed: Stubbed) -> None:
    account = stubbed.account()
    ask = {"Bucket": STACK.bucket, "ExpectedBucketOwner": ID}
    stubbed.on("s3", "head_bucket", {"BucketRegion": REGION}, **ask)
    assert verdicts(check_bucket(account, STACK)) == ["good"]
    stubbed.on("s3", "head_bucket", {"BucketRegion": "us-east-1"}, **ask)
    (elsewhere,) = check_bucket(account, STACK)
    assert (elsewhere.verdict, "AWS_REGION=us-east-1" in elsewhere.hint) == ("wrong", True)
    stubbed.fails("s3", "head_bucket", "404", status=404)
    assert verdicts(check_bucket(account, STACK)) == ["wrong"]
    stubbed.fails("s3", "head_bucket", "403", status=403)
    assert verdicts(check_bucket(account, STACK)) == ["unknown"]


def test_the_model_package_group_is_there(stubbed: Stubbed) -> None:
    stubbed.fails(
        "sagemaker",
        "describe_model_package_group",
        "ValidationException",
        "ModelPackageGroup x does not exist.",
    )
    (found,) = check_group(stubbed.account(), "x")
    assert (found.verdict, found.what) == ("wrong", "model package group: x: there is none")


KEYS = ("", STACK.key, STACK.key.replace("0a1b2c3d-", "ffffffff-"))


def test_only_the_stacks_own_key_is_taken() -> None:
    assert [verdicts(check_key(STACK, key)) for key in KEYS] == [[], [], ["wrong"]]
    assert "--kms-key" in check_key(STACK, KEYS[2])[0].hint


ASKED = [
    RoleRequest(STACK.job_role, Request("s3:GetObject", "arn:aws:s3:::theirs/x"), "Copy it."),
    RoleRequest(
        STACK.evaluation_role,
        Request(
            "sagemaker:CreateModelPackage", f"{ARN}:model-package/x/1", {"sagemaker:ModelApprovalStatus": "A"}
        ),
        "Approve later.",
        decisive=False,
    ),
]


def simulates(stubbed: Stubbed, decision: str) -> None:
    result = {"EvalActionName": "s3:GetObject", "EvalDecision": decision}
    stubbed.on("iam", "simulate_principal_policy", {"EvaluationResults": [result]})


def test_iam_itself_is_asked_what_the_roles_may_do(stubbed: Stubbed) -> None:
    result = {"EvalActionName": "s3:GetObject", "EvalDecision": "implicitDeny"}
    stubbed.on(
        "iam",
        "simulate_principal_policy",
        {"EvaluationResults": [result]},
        PolicySourceArn=STACK.job_role,
        ActionNames=["s3:GetObject"],
        ResourceArns=["arn:aws:s3:::theirs/x"],
        ContextEntries=[],
    )
    simulates(stubbed, "explicitDeny")
    found = check_requests(stubbed.account(), ASKED)
    assert [finding.lines() for finding in found] == [
        ["  ✗ role fashion-mnist-jobs may not: s3:GetObject on arn:aws:s3:::theirs/x", "      Copy it."],
        [
            f"  ! role fashion-mnist-evaluation may not: sagemaker:CreateModelPackage on {ARN}:model-package/x/1, "
            "sagemaker:ModelApprovalStatus=A",
            "      Approve later.",
        ],
    ]
    for _ in ASKED:
        simulates(stubbed, "allowed")
    (good,) = check_requests(stubbed.account(), ASKED)
    assert (good.verdict, good.what) == ("good", "roles may do what this run asks of them (2 requests)")


def has_policies(stubbed: Stubbed, name: str, own: object, attached: object) -> None:
    arn = f"arn:aws:iam::{ID}:policy/containers"
    stubbed.on("iam", "list_role_policies", {"PolicyNames": ["own"]}, RoleName=name)
    answer = {"RoleName": name, "PolicyName": "own", "PolicyDocument": json.dumps(own)}
    stubbed.on("iam", "get_role_policy", answer, RoleName=name, PolicyName="own")
    listed = {"AttachedPolicies": [{"PolicyName": "containers", "PolicyArn": arn}]}
    stubbed.on("iam", "list_attached_role_policies", listed, RoleName=name)
    stubbed.on("iam", "get_policy", {"Policy": {"DefaultVersionId": "v3"}}, PolicyArn=arn)
    version = {"PolicyVersion": {"Document": json.dumps(attached)}}
    stubbed.on("iam", "get_policy_version", version, PolicyArn=arn, VersionId="v3")


def test_where_simulating_is_forbidden_the_policies_are_read_once(stubbed: Stubbed) -> None:
    stubbed.fails("iam", "simulate_principal_policy", "AccessDenied")
    read = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::mine/*"}
    pull = {"Effect": "Allow", "Action": "ecr:BatchGetImage", "Resource": "*"}
    has_policies(stubbed, "fashion-mnist-jobs", {"Statement": read}, {"Statement": [pull]})
    asked = [
        RoleRequest(STACK.job_role, Request("s3:GetObject", "arn:aws:s3:::mine/x"), ""),
        RoleRequest(STACK.job_role, Request("ecr:BatchGetImage", "arn:aws:ecr:r:1:repository/x"), ""),
        ASKED[0],
    ]
    (wrong,) = check_requests(stubbed.account(), asked)
    assert wrong.what.endswith("s3:GetObject on arn:aws:s3:::theirs/x")


def test_policies_that_can_neither_be_simulated_nor_read_or_are_too_odd_stop_nothing(
    stubbed: Stubbed,
) -> None:
    stubbed.fails("iam", "simulate_principal_policy", "AccessDenied")
    stubbed.fails("iam", "list_role_policies", "AccessDenied")
    assert verdicts(check_requests(stubbed.account(), ASKED)) == ["unknown"]
    stubbed.fails("iam", "simulate_principal_policy", "AccessDenied")
    odd = {"Statement": {"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"}}
    has_policies(stubbed, "fashion-mnist-jobs", odd, odd)
    (found,) = check_requests(stubbed.account(), ASKED)
    assert (found.verdict, "NotAction" in found.what) == ("unknown", True)


def test_a_region_without_aws_images_says_which_parameter_helps(stubbed: Stubbed) -> None:
    (first, _) = check_images(stubbed.account(), chosen_images("mars-north-1", "amazonaws.com", {}))
    assert first.verdict == "wrong"
    assert "--param TrainingImageUri=" in first.hint


def test_an_image_that_one_may_not_pull_is_unknown(stubbed: Stubbed) -> None:
    stubbed.fails("ecr", "batch_get_image", "AccessDeniedException")
    (found,) = check_images(
        stubbed.account(), {"TrainingImageUri": "123456789012.dkr.ecr.eu-central-1.amazonaws.com/mine:1"}
    )
    assert (found.verdict, found.what) == (
        "unknown",
        "image: mine:1: not checked (these credentials may not look)",
    )


@pytest.mark.parametrize(("value", "verdict"), [(0, "wrong"), (2, "good"), (8, "good")])
def test_quotas_are_compared_with_what_the_jobs_want(stubbed: Stubbed, value: float, verdict: str) -> None:
    has_quota(stubbed, value)
    (found,) = check_quotas(stubbed.account(), JOBS, None)
    assert found.verdict == verdict


def test_a_quota_for_some_jobs_is_poor_and_not_wrong(stubbed: Stubbed) -> None:
    has_quota(stubbed, 3)
    (found,) = check_quotas(stubbed.account(), [*JOBS, replace(JOBS[0], step="Train-b-0")], None)
    assert found.verdict == "poor"
    assert "--parallel 1" in found.hint


def test_quotas_that_are_not_listed_or_not_readable_are_unknown(stubbed: Stubbed) -> None:
    stubbed.on("service-quotas", "list_service_quotas", {"Quotas": []})
    assert verdicts(check_quotas(stubbed.account(), JOBS, None)) == ["unknown"]
    stubbed.fails("service-quotas", "list_service_quotas", "AccessDeniedException")
    assert verdicts(check_quotas(stubbed.account(), JOBS, None)) == ["unknown"]


def test_without_a_stack_the_rest_is_checked_all_the_same(stubbed: Stubbed) -> None:
    stubbed.fails("cloudformation", "describe_stacks", "ValidationError", "Stack x does not exist")
    has_quota(stubbed, 0)
    stack, finding = find_stack(stubbed.account(), "x")
    found = [finding, *check_account(stubbed.account(), stack, JOBS, {"TrainingImageUri": None}, None, {})]
    said: list[str] = []
    with pytest.raises(PreflightFailed) as raised:
        require_all(found, said.append)
    message = str(raised.value)
    assert raised.value.exit_status == 2
    assert "Preflight failed: 3 checks; nothing was started:" in message
    for part in ("make infra-deploy", "TensorFlow 2.21.0", QUOTA, "request-service-quota-increase"):
        assert part in message
    assert said == []


def test_what_is_right_or_unknown_is_said_and_stops_nothing() -> None:
    said: list[str] = []
    require_all(
        [Finding("good", "bucket: b"), Finding("poor", "quota: q", "Wait."), Finding("unknown", "x")],
        said.append,
    )
    assert said == ["  ✓ bucket: b", "  ! quota: q", "      Wait.", "  ? x"]
