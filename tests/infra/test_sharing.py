"""Another account's, or another environment's, models: what is let in and out, and that nothing is unasked."""

from __future__ import annotations

import pytest

from infra.resolving import ResolvedStack, resolve_template
from infra.template import Template
from pipeline.targets.aws.iam_evaluator import Decision, Request, decide
from tests.infra.requests_of_roles import (
    BUCKET,
    EXECUTION,
    GROUP,
    KEY,
    OBJECTS,
    PACKAGE,
    SAGEMAKER,
    VIA_S3,
    identity_statements,
)
from tests.infra.security.properties import EVERYTHING, resource_policies
from tests.infra.security.sharing import (
    FROM_OTHERS,
    GROUP_OF_OTHERS,
    OWNER,
    READER,
    THEIR_BUCKET,
    THEIR_KEY,
    THEIRS,
)

READERS = f"arn:aws:iam::{READER}:role/EndpointRole"
ANOTHER = f"{SAGEMAKER}:model-package/o/1"
THEIR_MODEL = f"{THEIRS}:model-package/fashion-mnist-staging/3"
MODEL = "fashion-mnist/executions/8f3a2c9d41e7/models/pipelines-1/output/model.tar.gz"


@pytest.fixture(scope="module")
def sharing(template: Template) -> ResolvedStack:
    return resolve_template(template, {**EVERYTHING, "ReaderAccountId": READER})


@pytest.fixture(scope="module")
def taking(template: Template) -> ResolvedStack:
    return resolve_template(template, {**EVERYTHING, **FROM_OTHERS})


def lets(stack: ResolvedStack, policy: str, request: Request) -> Decision:
    statements = dict(resource_policies(stack)).get(policy, [])
    context = {"aws:SecureTransport": "true", "s3:TlsVersion": "1.3", **request.context}
    return decide(statements, Request(request.action, request.resource, context, request.principal))


@pytest.mark.parametrize(
    ("policy", "request_"),
    [
        ("ModelPackageGroup", Request("sagemaker:ListModelPackages", GROUP, {}, READERS)),
        ("ModelPackageGroup", Request("sagemaker:DescribeModelPackage", PACKAGE, {}, READERS)),
        ("ModelPackageGroup", Request("sagemaker:CreateModel", PACKAGE, {}, READERS)),
        ("BucketPolicy", Request("s3:GetObject", f"{BUCKET}/{MODEL}", {}, READERS)),
        ("Key", Request("kms:Decrypt", KEY, VIA_S3, READERS)),
    ],
)
def test_the_reader_finds_describes_and_serves_models(
    sharing: ResolvedStack, everything: ResolvedStack, policy: str, request_: Request
) -> None:
    assert lets(sharing, policy, request_) == "allowed"
    assert lets(everything, policy, request_) != "allowed"
    stranger = f"arn:aws:iam::{OWNER}:role/EndpointRole"
    foreign = Request(request_.action, request_.resource, request_.context, stranger)
    assert lets(sharing, policy, foreign) != "allowed"


@pytest.mark.parametrize(
    ("policy", "request_"),
    [
        ("ModelPackageGroup", Request("sagemaker:UpdateModelPackage", PACKAGE, {}, READERS)),
        ("ModelPackageGroup", Request("sagemaker:CreateModelPackage", GROUP, {}, READERS)),
        ("ModelPackageGroup", Request("sagemaker:DeleteModelPackage", PACKAGE, {}, READERS)),
        (
            "ModelPackageGroup",
            Request("sagemaker:DescribeModelPackage", ANOTHER, {}, READERS),
        ),
        ("BucketPolicy", Request("s3:PutObject", f"{BUCKET}/{MODEL}", {}, READERS)),
        ("BucketPolicy", Request("s3:GetObject", f"{OBJECTS}/raw/x/train-images-idx3-ubyte.gz", {}, READERS)),
        ("BucketPolicy", Request("s3:GetObject", f"{EXECUTION}/processed/test/images.npy", {}, READERS)),
        ("BucketPolicy", Request("s3:ListBucket", BUCKET, {}, READERS)),
        ("Key", Request("kms:Decrypt", KEY, {}, READERS)),
        ("Key", Request("kms:GenerateDataKey", KEY, VIA_S3, READERS)),
        ("Key", Request("kms:ScheduleKeyDeletion", KEY, {}, READERS)),
    ],
)
def test_the_reader_does_nothing_else(sharing: ResolvedStack, policy: str, request_: Request) -> None:
    assert lets(sharing, policy, request_) != "allowed"


TAKEN = [
    ("EndpointRole", Request("s3:GetObject", f"{THEIR_BUCKET}/{MODEL}")),
    ("EndpointRole", Request("kms:Decrypt", THEIR_KEY, VIA_S3)),
    *(
        (role, Request(f"sagemaker:{action}", THEIR_MODEL))
        for role in ("DeployerRole", "DeployFunctionRole")
        for action in ("DescribeModelPackage", "CreateModel")
    ),
    ("DeployerRole", Request("sagemaker:ListModelPackages", GROUP_OF_OTHERS)),
]


@pytest.mark.parametrize(("role", "request_"), TAKEN)
def test_endpoints_serve_the_models_of_another_stack(
    taking: ResolvedStack, everything: ResolvedStack, role: str, request_: Request
) -> None:
    assert decide(identity_statements(taking, role), request_) == "allowed"
    assert decide(identity_statements(everything, role), request_) == "not allowed"


@pytest.mark.parametrize(
    ("role", "request_"),
    [
        (
            "EndpointRole",
            Request("s3:GetObject", f"{THEIR_BUCKET}/fashion-mnist/raw/x/train-images-idx3-ubyte.gz"),
        ),
        ("EndpointRole", Request("kms:Decrypt", THEIR_KEY)),
        ("EndpointRole", Request("s3:PutObject", f"{THEIR_BUCKET}/{MODEL}")),
        ("DeployerRole", Request("s3:GetObject", f"{THEIR_BUCKET}/{MODEL}")),
        (
            "DeployerRole",
            Request("sagemaker:UpdateModelPackage", THEIR_MODEL),
        ),
        ("DeployerRole", Request("sagemaker:DescribeModelPackage", f"{THEIRS}:model-package/another/3")),
        ("JobRole", Request("s3:GetObject", f"{THEIR_BUCKET}/{MODEL}")),
    ],
)
def test_and_take_nothing_else_from_it(taking: ResolvedStack, role: str, request_: Request) -> None:
    assert decide(identity_statements(taking, role), request_) != "allowed"


def test_where_models_are_taken_from_is_told(taking: ResolvedStack, everything: ResolvedStack) -> None:
    assert taking.outputs["ModelsFrom"] == GROUP_OF_OTHERS
    assert everything.outputs["ModelsFrom"] == "fashion-mnist"
