from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import boto3
import pytest

from pipeline.errors import AwsError, CredentialsError
from pipeline.local.state.isolation import NOWHERE
from pipeline.targets.aws.account import Account, find_alias, find_credentials, open_account
from tests.pipeline.targets.aws.cloud.account import Cloud
from tests.pipeline.targets.aws.stubbed import Stubbed


@pytest.fixture
def environ(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What leads to the account, also in this process, where boto3 looks."""
    for name, value in cloud.environment.items():
        monkeypatch.setenv(name, value)
    return cloud.environment


def test_account_and_region_are_known_by_name(environ: dict[str, str]) -> None:
    account = open_account(environ)
    assert (account.id, account.region, account.partition) == ("123456789012", "us-east-1", "aws")
    assert str(account) == (
        "account the-fashion-house (123456789012), region us-east-1 (US East (N. Virginia)), as user/moto"
    )
    assert "us-east-1" in account.price_regions
    assert account.domain == "amazonaws.com"


def test_clients_are_made_once_in_the_accounts_region_or_another(environ: dict[str, str]) -> None:
    account = open_account(environ)
    assert account.client("logs") is account.client("logs")
    assert account.client("logs").meta.region_name == "us-east-1"
    assert account.client("pricing", "eu-central-1").meta.region_name == "eu-central-1"
    assert account.client("logs").meta.config.retries["mode"] == "adaptive"


def test_the_aws_region_variable_goes_before_boto3s_own(environ: dict[str, str]) -> None:
    account = open_account({**environ, "AWS_REGION": "cn-north-1"})
    assert (account.region, account.partition, account.domain) == ("cn-north-1", "aws-cn", "amazonaws.com.cn")


def test_without_a_region_it_says_how_to_name_one(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    with pytest.raises(CredentialsError, match="set AWS_REGION"):
        open_account({})


def test_where_aws_is_out_of_reach_it_says_so(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", NOWHERE)
    monkeypatch.setattr("pipeline.targets.aws.account.ATTEMPTS", 1)
    with pytest.raises(AwsError, match="Check the network"):
        open_account(environ)


def test_an_account_without_a_name_is_known_by_its_number(stubbed: Stubbed) -> None:
    stubbed.on("iam", "list_account_aliases", {"AccountAliases": []})
    assert find_alias(stubbed.client) == ""
    stubbed.fails("iam", "list_account_aliases", "AccessDenied")
    assert find_alias(stubbed.client) == ""
    account = Account("1", "eu-west-1", "aws", "arn:aws:sts::1:assumed-role/deployer/me", stubbed.client)
    assert str(account) == "account 1, region eu-west-1, as assumed-role/deployer/me"


@pytest.fixture
def settings_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Writes what the only AWS configuration file of this machine says."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))

    def write(text: str) -> None:
        (tmp_path / "config").write_text(f"[default]\nregion = us-east-1\n{text}\n")

    return write


@pytest.mark.parametrize("command", ["false", "echo junk", "echo []", "/no/such/program", "echo {}"])
def test_a_program_that_gives_no_credentials_is_told(
    settings_file: Callable[[str], None], command: str
) -> None:
    settings_file(f"credential_process = {command}")
    with pytest.raises(CredentialsError, match="Opening the AWS account"):
        open_account({})


def test_a_program_that_hangs_is_not_waited_for(settings_file: Callable[[str], None]) -> None:
    settings_file("credential_process = sleep 3")
    with pytest.raises(
        CredentialsError, match=r"did not come within 0 s: the program that provides them hangs"
    ):
        find_credentials(boto3.Session(), patience=0.2)


@pytest.mark.parametrize("endpoint", ["nonsense", "http://[", "ftp://user:pass-word@host/"])
def test_an_endpoint_that_is_none_is_told_without_its_password(
    settings_file: Callable[[str], None], endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings_file("aws_access_key_id = a\naws_secret_access_key = b")
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    monkeypatch.setattr("pipeline.targets.aws.account.ATTEMPTS", 1)
    with pytest.raises((CredentialsError, AwsError), match="Opening the AWS account") as told:
        open_account({})
    assert "pass-word" not in str(told.value)
