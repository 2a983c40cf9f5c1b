"""What a run asks of its roles, against the policies that the template gives them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import pytest

from infra.resolving import ACCOUNT, REGION, ResolvedStack, resolve_template
from infra.template import load_template
from pipeline.definition.parameters import PARAMETERS, Value
from pipeline.targets.aws.account import Account
from pipeline.targets.aws.iam_evaluator import as_list, decide
from pipeline.targets.aws.images import chosen_images
from pipeline.targets.aws.role_requests import RunRequests
from pipeline.targets.aws.stack import REQUIRED, StackOutputs
from tests.infra.requests_of_roles import identity_statements

OWN_IMAGE = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/fashion-mnist:1"
GROUP = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package"


@pytest.fixture(scope="module")
def deployed() -> ResolvedStack:
    return resolve_template(load_template(), {"CreateRepository": "true"})


def refused(
    deployed: ResolvedStack, values: Mapping[str, Value], monitor: bool = False
) -> list[tuple[str, str, bool]]:
    """What the roles may not do of it: the action, the parameter of the hint if any, whether it is decisive."""
    fields: dict[str, Any] = {field: deployed.outputs[key] for key, field in REQUIRED.items()}
    account = Account(ACCOUNT, REGION, "aws", "me", lambda service: None)
    images = chosen_images(REGION, "amazonaws.com", values)
    asked = RunRequests(account, StackOutputs(name="s", **fields), values, images, monitor)
    return [
        (each.request.action, next((p.name for p in PARAMETERS if p.name in each.hint), ""), each.decisive)
        for each in asked
        if decide(identity_statements(deployed, each.role.rpartition("/")[2]), each.request) != "allowed"
    ]


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"ModelApprovalStatus": "Rejected", "ModelPackageGroupName": "fashion-mnist"},
        {"InputDataUri": f"s3://fashion-mnist-{ACCOUNT}-{REGION}/fashion-mnist/raw/mine/"},
        {"TrainingImageUri": OWN_IMAGE, "ProcessingImageUri": OWN_IMAGE},
        {"ChampionModelPackage": f"{GROUP}/fashion-mnist/3"},
        {"ChampionModelPackage": "none"},
    ],
)
def test_what_the_roles_are_for_is_allowed(deployed: ResolvedStack, values: dict[str, Value]) -> None:
    assert refused(deployed, values) == []


def test_what_the_monitor_asks_for_is_allowed(deployed: ResolvedStack) -> None:
    assert refused(deployed, {}, monitor=True) == []


def test_the_monitor_is_refused_by_a_stack_that_knows_none(deployed: ResolvedStack) -> None:
    old = deepcopy(deployed)
    for name in ("EvaluationRole", "PipelineRole"):
        for statement in identity_statements(old, name):
            kept = [
                each for each in as_list(statement["Resource"]) if not re.search("captured|monitoring", each)
            ]
            statement["Resource"] = kept
    assert refused(old, {}) == [], "a run needs none of it"
    found = refused(old, {}, monitor=True)
    assert found == [("s3:GetObject", "", True), ("s3:PutObject", "", True), ("s3:GetObject", "", True)]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (
            {"ModelApprovalStatus": "Approved"},
            [("sagemaker:CreateModelPackage", "ModelApprovalStatus", True)],
        ),
        (
            {"ModelPackageGroupName": "another"},
            [("sagemaker:CreateModelPackage", "ModelPackageGroupName", True)],
        ),
        (
            {"InputDataUri": "s3://theirs/fashion-mnist/raw/x"},
            [("s3:GetObject", "InputDataUri", True), ("s3:ListBucket", "InputDataUri", True)],
        ),
        (
            {"InputDataUri": f"s3://fashion-mnist-{ACCOUNT}-{REGION}/elsewhere"},
            [("s3:GetObject", "InputDataUri", True)],
        ),
        (
            {"TrainingImageUri": OWN_IMAGE.replace("fashion-mnist:", "theirs:")},
            [("ecr:BatchGetImage", "TrainingImageUri", True)],
        ),
        (
            {"ProcessingImageUri": OWN_IMAGE.replace(ACCOUNT, "444455556666")},
            [("ecr:BatchGetImage", "ProcessingImageUri", True)] * 2,
        ),
        (
            {"ChampionModelPackage": f"{GROUP}/another/3"},
            [("sagemaker:DescribeModelPackage", "ChampionModelPackage", False)],
        ),
    ],
)
def test_what_would_fail_once_the_money_is_spent_is_found(
    deployed: ResolvedStack, values: dict[str, Value], expected: list[tuple[str, str, bool]]
) -> None:
    assert refused(deployed, values) == expected


def test_what_is_no_image_in_ecr_is_left_to_the_check_of_images(deployed: ResolvedStack) -> None:
    assert refused(deployed, {"TrainingImageUri": "docker.io/theirs:1"}) == []
