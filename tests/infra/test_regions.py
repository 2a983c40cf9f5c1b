"""The template in each of its regions: nothing that CloudFormation does not know, nothing of another partition."""

from __future__ import annotations

import json

import pytest

from infra.cli import main
from infra.regions import REGIONAL, for_region, regions
from infra.resolving import partition_of, resolve_template
from infra.template import Template, load_template
from pipeline.errors import UsageError
from tests.infra.security.properties import EVERYTHING
from tests.infra.stubbed_account import StubbedAccount

# `make infra-check` asks cfn-lint's own tables; these are from there, and say what this template means by it.
WITH_BUDGETS = {"us-east-1", "us-west-2", "eu-west-1", "eu-central-1", "ap-northeast-1", "sa-east-1"}
WITHOUT_BUDGETS = {
    "eu-north-1",
    "eu-central-2",
    "ap-southeast-3",
    "af-south-1",
    "il-central-1",
    "us-gov-west-1",
}
LACK_THE_REGISTRY = {
    "ap-east-2",
    "ap-south-2",
    "ap-southeast-4",
    "us-gov-east-1",
    "cn-north-1",
    "cn-northwest-1",
}
ALL = regions(load_template())


@pytest.mark.parametrize("region", ALL)
def test_what_a_region_lacks_is_neither_made_nor_sent(template: Template, region: str) -> None:
    sent, lacking = for_region(template, region)
    made = resolve_template(template, EVERYTHING, region)
    budget = {"Budget"} if region not in WITH_BUDGETS and "Budget" not in made.resources else set()
    app = {"MlflowApp", "TrackPolicy"} if "MlflowApp" not in made.resources else set()
    assert set(lacking) == budget | app
    assert ("MlflowAppArn" in sent["Outputs"]) == ("MlflowApp" in made.resources)
    assert set(sent["Resources"]) == set(template["Resources"]) - set(lacking)
    assert not set(lacking) & set(made.resources)
    assert made.outputs == resolve_template(sent, EVERYTHING, region).outputs
    text = json.dumps([made.resources, made.outputs])
    assert ("budgets.amazonaws.com" in text) == ("Budget" in made.resources)
    # The very same stack, but for its region: nothing refers to what is not sent.
    assert resolve_template(sent, EVERYTHING, region).resources == made.resources


def test_budgets_are_made_where_cloudformation_makes_them(template: Template) -> None:
    lacking = {name: set(for_region(template, name)[1]) for name in ALL}
    assert {name for name in ALL if "Budget" not in lacking[name]} >= WITH_BUDGETS
    assert {name for name in ALL if "Budget" in lacking[name]} >= WITHOUT_BUDGETS
    assert {name for name in ALL if "MlflowApp" not in lacking[name]} >= WITH_BUDGETS
    assert {name for name in ALL if "MlflowApp" in lacking[name]} >= WITHOUT_BUDGETS - {"eu-north-1"}
    assert set(REGIONAL) == {"AWS::Budgets::Budget", "AWS::SageMaker::MlflowApp"}


@pytest.mark.parametrize("region", [*ALL, "cn-north-1"])
def test_every_name_is_of_the_regions_own_partition(template: Template, region: str) -> None:
    template = json.loads(json.dumps(template))
    template["Mappings"]["ContainerAccounts"].setdefault(region, {"Id": "727897471807"})
    partition, suffix = partition_of(region)
    text = json.dumps(
        resolve_template(
            template, {**EVERYTHING, "PermissionsBoundaryArn": "", "ZoneA": "", "ZoneB": ""}, region
        ).resources
    )
    assert all(part.startswith(f"{partition}:") for part in text.split("arn:")[1:])
    for service in ("s3", "sns"):
        assert f'"kms:ViaService": "{service}.{region}.{suffix}"' in text
    assert f'"logs.{region}.{suffix}"' in text
    assert region == "us-east-1" or "us-east-1" not in text


@pytest.mark.parametrize("region", sorted(LACK_THE_REGISTRY))
def test_a_region_without_what_the_stack_needs_is_refused(template: Template, region: str) -> None:
    with pytest.raises(UsageError, match=f"Could not deploy to {region}: .*--region: af-south-1, "):
        for_region(template, region)


def test_the_command_says_so_and_plans_nothing(
    account: StubbedAccount, capsys: pytest.CaptureFixture[str]
) -> None:
    aws = account.aws()
    elsewhere = type(aws)(aws.account, "ap-south-2", aws.caller, aws.client)
    assert main(["plan"], lambda profile, region: elsewhere) == 2
    assert "Could not deploy to ap-south-2" in capsys.readouterr().err


def test_an_app_that_a_region_cannot_make_is_refused_when_it_is_asked_for(
    account: StubbedAccount, capsys: pytest.CaptureFixture[str]
) -> None:
    aws = account.aws()
    elsewhere = type(aws)(aws.account, "af-south-1", aws.caller, aws.client)
    words = ["plan", "--param", "CreateMlflowApp=true"]
    assert main(words, lambda profile, region: elsewhere) == 2
    assert "CloudFormation makes no MLflow apps in af-south-1" in capsys.readouterr().err
