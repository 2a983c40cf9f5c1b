from __future__ import annotations

import json
from dataclasses import replace

import pytest

from pipeline.aws.images import chosen_images
from pipeline.aws.plan import Job
from pipeline.aws.preflight import (
    Finding,
    check_account,
    check_bucket,
    check_group,
    check_images,
    check_quotas,
    check_roles,
    find_stack,
    require_all,
)
from pipeline.errors import PreflightFailed
from tests.pipeline.aws.stubbed import ID, NOW, REGION, STACK, Stubbed

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


def test_roles_are_there_and_sagemaker_may_take_them(stubbed: Stubbed) -> None:
    has_role(stubbed, "fashion-mnist-pipeline")
    has_role(stubbed, "fashion-mnist-jobs", "{}")
    stubbed.fails("iam", "get_role", "NoSuchEntity", "The role cannot be found.", status=404)
    found = check_roles(stubbed.account(), STACK)
    assert verdicts(found) == ["good", "wrong", "wrong"]
    assert "does not let sagemaker.amazonaws.com take it" in found[1].what
    assert "role of the evaluation: fashion-mnist-evaluation: there is none" in found[2].what
    assert "make infra-deploy" in found[2].remedy


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
    assert (elsewhere.verdict, "AWS_REGION=us-east-1" in elsewhere.remedy) == ("wrong", True)
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


def test_a_region_without_aws_images_says_which_parameter_helps(stubbed: Stubbed) -> None:
    (first, _) = check_images(stubbed.account(), chosen_images("mars-north-1", "amazonaws.com", {}))
    assert first.verdict == "wrong"
    assert "--param TrainingImageUri=" in first.remedy


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
    assert "--parallel 1" in found.remedy


def test_quotas_that_are_not_listed_or_not_readable_are_unknown(stubbed: Stubbed) -> None:
    stubbed.on("service-quotas", "list_service_quotas", {"Quotas": []})
    assert verdicts(check_quotas(stubbed.account(), JOBS, None)) == ["unknown"]
    stubbed.fails("service-quotas", "list_service_quotas", "AccessDeniedException")
    assert verdicts(check_quotas(stubbed.account(), JOBS, None)) == ["unknown"]


def test_without_a_stack_the_rest_is_checked_all_the_same(stubbed: Stubbed) -> None:
    stubbed.fails("cloudformation", "describe_stacks", "ValidationError", "Stack x does not exist")
    has_quota(stubbed, 0)
    stack, finding = find_stack(stubbed.account(), "x")
    found = [finding, *check_account(stubbed.account(), stack, JOBS, {"TrainingImageUri": None}, None)]
    said: list[str] = []
    with pytest.raises(PreflightFailed) as raised:
        require_all(found, said.append)
    message = str(raised.value)
    assert raised.value.exit_status == 2
    assert "Received 3 that are wrong; nothing was started:" in message
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
