from __future__ import annotations

import pytest

from pipeline.aws.account import Account, find_alias, open_account
from pipeline.errors import AwsError, CredentialsError
from pipeline.local.isolation import NOWHERE
from tests.pipeline.aws.cloud.account import Cloud
from tests.pipeline.aws.stubbed import Stubbed


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
    monkeypatch.setattr("pipeline.aws.account.ATTEMPTS", 1)
    with pytest.raises(AwsError, match="Check the network"):
        open_account(environ)


def test_an_account_without_a_name_is_known_by_its_number(stubbed: Stubbed) -> None:
    stubbed.on("iam", "list_account_aliases", {"AccountAliases": []})
    assert find_alias(stubbed.client) == ""
    stubbed.fails("iam", "list_account_aliases", "AccessDenied")
    assert find_alias(stubbed.client) == ""
    account = Account("1", "eu-west-1", "aws", "arn:aws:sts::1:assumed-role/deployer/me", stubbed.client)
    assert str(account) == "account 1, region eu-west-1, as assumed-role/deployer/me"
