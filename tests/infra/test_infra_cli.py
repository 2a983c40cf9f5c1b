"""The command line: what it answers without AWS, and how AWS's refusals read."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError, ProfileNotFound

from infra.aws import Aws
from infra.cli import main
from tests.infra.stubbed_account import StubbedAccount

Connect = Callable[[str | None, str | None], Aws]


@pytest.fixture(autouse=True)
def no_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Takes every AWS setting of the machine away."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)


def raising(error: Exception) -> Connect:
    def connect(profile: str | None, region: str | None) -> Aws:
        raise error

    return connect


def refusal(code: str, message: str = "no") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "DescribeStacks")


@pytest.mark.parametrize("command", ["plan", "deploy", "status", "destroy"])
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main([command, "--help"])
    assert left.value.code == 0
    assert "--region" in capsys.readouterr().out


def test_no_region_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status"]) == 2
    assert "No region is set" in capsys.readouterr().err


def test_no_credentials_are_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--region", "us-east-1"]) == 1
    assert "there are no valid AWS credentials" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (NoCredentialsError(), "aws sso login"),
        (ProfileNotFound(profile="x"), "aws configure list-profiles"),
        (EndpointConnectionError(endpoint_url="https://x"), "Check the network"),
        (refusal("ExpiredToken"), "aws sso login"),
        (refusal("AccessDenied"), "lack that permission"),
        (refusal("ValidationError"), "Correct what it names"),
        (refusal("Throttling"), "python -m infra status"),
    ],
)
def test_what_aws_refuses_is_said_in_plain_words_with_a_next_step(
    error: Exception, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["deploy", "--yes"], raising(error)) == 1
    told = capsys.readouterr().err
    assert told.startswith("infra deploy: ")
    code = error.response["Error"]["Code"] if isinstance(error, ClientError) else None
    refused = code is not None and code != "ExpiredToken"
    assert (f"AWS refused DescribeStacks: {code} " if refused else str(error).rstrip(".")) in told
    assert says in told


def test_an_interruption_says_that_aws_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    def connect(profile: str | None, region: str | None) -> Aws:
        raise KeyboardInterrupt

    assert main(["deploy"], connect) == 130
    assert "CloudFormation continues what it has begun" in capsys.readouterr().err


def test_a_bug_shows_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError):
        main(["status"], raising(ZeroDivisionError()))


def status(account: StubbedAccount, *words: str) -> int:
    return main(["status", *words], lambda profile, region: account.aws())


OUTPUTS: dict[str, Any] = {"Outputs": [{"OutputKey": "BucketName", "OutputValue": "data"}]}


def test_status_shows_parameters_and_outputs(
    account: StubbedAccount, capsys: pytest.CaptureFixture[str]
) -> None:
    account.is_("UPDATE_COMPLETE", {"Project": "mine"}, EnableTerminationProtection=True, **OUTPUTS)
    assert status(account) == 0
    shown = capsys.readouterr().out
    assert "status                 UPDATE_COMPLETE" in shown
    assert "deletion protection    on" in shown
    assert "  Project                mine" in shown
    assert "  BucketName             data" in shown


def test_status_as_json(account: StubbedAccount, capsys: pytest.CaptureFixture[str]) -> None:
    account.is_("UPDATE_COMPLETE", {"Project": "mine"}, **OUTPUTS)
    assert status(account, "--json") == 0
    assert json.loads(capsys.readouterr().out) == {
        "stack": "fashion-mnist",
        "account": "123456789012",
        "region": "us-east-1",
        "status": "UPDATE_COMPLETE",
        "status_reason": "",
        "deletion_protection": False,
        "parameters": {"Project": "mine"},
        "outputs": {"BucketName": "data"},
    }


def test_status_tells_why_the_last_operation_failed_and_not_an_earlier_one(
    account: StubbedAccount, capsys: pytest.CaptureFixture[str]
) -> None:
    account.is_("UPDATE_ROLLBACK_COMPLETE")
    account.happened(
        ("", "UPDATE_IN_PROGRESS", "User Initiated"),
        ("Topic", "UPDATE_FAILED", "an old reason"),
        ("", "UPDATE_IN_PROGRESS", "User Initiated"),
        ("Bucket", "UPDATE_FAILED", "a new reason"),
    )
    assert status(account) == 1
    shown = capsys.readouterr().out
    assert "Bucket (AWS::S3::Bucket) UPDATE_FAILED: a new reason" in shown
    assert "an old reason" not in shown
