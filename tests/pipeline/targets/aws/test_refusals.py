"""What a user sees when the account is not as a run needs it: everything at once, in words; nothing is started."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.command import Finished, check_refusal, run
from tests.pipeline.targets.aws.cloud.account import BUCKET, Cloud

ON = ("--target", "sagemaker")
RUN = ("run", *ON, "--param", f"InputDataUri=s3://{BUCKET}/fashion-mnist/raw/mine")


@dataclass(frozen=True)
class User:
    home: Path
    cloud: Cloud

    def run(self, *words: str, **more: str) -> Finished:
        return run(self.home, *words, **{**self.cloud.environment, **more})


@pytest.fixture
def user(cloud: Cloud, tmp_path: Path) -> Iterator[User]:
    """The account is as it was before when the test is over, and nothing was started in it."""
    kept = {name: dict(getattr(cloud, name)) for name in ("quotas", "prices", "images", "outputs")}
    since = len(cloud.asked)
    yield User(tmp_path / "home", cloud)
    for name, value in kept.items():
        vars(cloud)[name] = value
    cloud.stack_status = "CREATE_COMPLETE"
    assert not {"CreatePipeline", "StartPipelineExecution"} & set(cloud.asked[since:])


def test_everything_that_is_wrong_is_told_at_once(user: User) -> None:
    cloud = user.cloud
    cloud.outputs = {
        **cloud.outputs,
        "BucketName": "fashion-mnist-elsewhere",
        "ModelPackageGroupName": "gone",
    }
    cloud.outputs["JobRoleArn"] += "-gone"
    cloud.images = {"tensorflow-training": set()}
    cloud.quotas = {**cloud.quotas, "ml.g5.xlarge for training job usage": 0.0}
    refused = user.run(*RUN)
    check_refusal(
        refused,
        2,
        "Preflight failed: 6 checks; nothing was started:",
        "✗ bucket: fashion-mnist-elsewhere: there is none",
        "✗ model package group: gone: there is none",
        "✗ role of the jobs: fashion-mnist-jobs-gone: there is none",
        "tensorflow-training:2.21.0-gpu-py312: Requested image not found",
        "ml.g5.xlarge for training job usage: 0, and this run wants 3 at once",
        "request-service-quota-increase --region us-east-1 --service-code sagemaker --quota-code L-00000000",
        "--param TrainingInstanceType=…",
        "make infra-deploy",
    )
    assert "✓ role of the pipeline: fashion-mnist-pipeline" in refused.err


def test_a_stack_that_is_not_ready_is_told_with_the_rest(user: User) -> None:
    user.cloud.stack_status = "ROLLBACK_COMPLETE"
    user.cloud.quotas = {**user.cloud.quotas, "ml.m5.xlarge for processing job usage": 0.0}
    check_refusal(
        user.run(*RUN),
        2,
        "Preflight failed: 2 checks",
        "it is ROLLBACK_COMPLETE, not deployed. See: make infra-status",
        "--param ProcessingInstanceType=…",
    )
    check_refusal(user.run("executions", *ON), 2, "it is ROLLBACK_COMPLETE, not deployed")


def test_what_the_roles_may_not_do_is_told_before_anything_is_started(user: User) -> None:
    since = len(user.cloud.asked)
    given = ("ModelApprovalStatus=Approved", "InputDataUri=s3://theirs/folder")
    refused = user.run("run", *ON, *(word for each in given for word in ("--param", each)))
    check_refusal(
        refused,
        2,
        "role fashion-mnist-jobs may not: s3:GetObject on arn:aws:s3:::theirs/folder/train-images-idx3-ubyte.gz",
        "role fashion-mnist-evaluation may not: sagemaker:CreateModelPackage",
        "leave ModelApprovalStatus out",
    )
    assert not {"CreatePipeline", "StartPipelineExecution"} & set(user.cloud.asked[since:])


def test_above_the_limit_a_run_with_nobody_to_ask_is_refused(user: User) -> None:
    refused = user.run(*RUN, "--max-cost", "1")
    check_refusal(refused, 2, "may cost up to 6.50 USD", "above 1.00 USD", "--yes", "FASHION_MAX_COST")
    assert "3 training jobs of at most 1 h 00 min on ml.g5.xlarge at 2 USD/h: 6.00 USD" in refused.err
    check_refusal(user.run(*RUN, FASHION_MAX_COST="1"), 2, "above 1.00 USD")


def test_prices_that_cannot_be_read_make_the_ceiling_a_guess(user: User) -> None:
    user.cloud.prices = {}
    refused = user.run(*RUN, "--max-cost", "1")
    assert "by a table of 2024 for us-east-1: a guess" in refused.err


def test_credentials_that_expired_are_told(user: User) -> None:
    user.cloud.switches.fail("ListServiceQuotas", "ExpiredTokenException")
    user.cloud.switches.fail("DescribeModelPackageGroup", "AccessDeniedException")
    user.cloud.stack_status = "DELETE_IN_PROGRESS"
    refused = user.run(*RUN)
    check_refusal(refused, 2, "DELETE_IN_PROGRESS")
    user.cloud.switches.clear()


def test_throttling_is_waited_out(user: User) -> None:
    user.cloud.switches.fail("ListPipelineExecutions", "ThrottlingException", times=3)
    listed = user.run("executions", "--json", *ON)
    assert listed.status == 0, listed.said
    assert user.cloud.switches.pending == []


@pytest.mark.parametrize(
    ("code", "status", "text"),
    [
        ("AccessDeniedException", 1, "docs/permissions.md"),
        ("ExpiredTokenException", 2, "aws sso login"),
    ],
)
def test_a_refusal_in_the_middle_is_told_in_words(user: User, code: str, status: int, text: str) -> None:
    user.cloud.switches.fail("ListPipelineExecutions", code)
    check_refusal(user.run("executions", *ON), status, text)


def test_without_credentials_or_region_nothing_is_asked(user: User) -> None:
    since = len(user.cloud.asked)
    nobody = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
    check_refusal(user.run(*RUN, **nobody), 2, "there are no valid AWS credentials")
    check_refusal(
        user.run(*RUN, **nobody, AWS_REGION="", AWS_DEFAULT_REGION=""),
        2,
        "there are no credentials, and no region is set",
    )
    assert user.cloud.asked[since:] == []


def test_a_local_command_asks_this_account_nothing(user: User) -> None:
    since = len(user.cloud.asked)
    for words in (("registry", "list", "--json"), ("executions", "--json"), ("definition",)):
        assert user.run(*words).status == 0
    assert user.cloud.asked[since:] == []


def test_what_is_not_there_is_refused_in_words(user: User) -> None:
    check_refusal(user.run("show", "nosuchid", *ON), 2, "on SageMaker")
    check_refusal(user.run("stop", "nosuchid", *ON), 2, "on SageMaker")
    check_refusal(user.run("logs", "nosuchid", "Evaluate", *ON), 2, "on SageMaker")
    check_refusal(user.run("registry", "show", "77", *ON), 2, "has no version 77")
