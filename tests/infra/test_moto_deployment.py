"""The command line from plan to destroy, against moto.

This shows that the commands work together and that the template can be carried out in some order. It proves little
about AWS: moto's CloudFormation knows nothing of bucket policies, model package groups, topic policies and budgets,
drops most properties of a bucket, sees no change of a parameter, gives no outputs, keeps AWS::NoValue in a list as
null (mended here), and never fails as AWS does.
test_deploying.py and test_destroying.py have AWS's answers by Stubber.
"""

from __future__ import annotations

import ast
import json
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
import yaml  # type: ignore[import-untyped]
from botocore.awsrequest import AWSResponse
from moto import mock_aws
from moto.cloudformation import parsing

from infra.aws import Aws
from infra.cli import main
from infra.resolving import ACCOUNT, ResolvedStack
from infra.stack import Stack
from pipeline.local.state.isolation import dead_settings

REGION = "us-east-1"
# moto lacks this call: answered here, and remembered.
PROTECTION = "before-call.cloudformation.UpdateTerminationProtection"


class Account:
    """An account in moto, and a way into it for the command line."""

    def __init__(self) -> None:
        self.session = boto3.Session(region_name=REGION)
        self.clients: dict[str, Any] = {}
        self.protected: list[str] = []

    def client(self, service: str) -> Any:
        if service not in self.clients:
            client = self.session.client(service)
            if service == "cloudformation":
                client.meta.events.register(PROTECTION, self.protect)
            self.clients[service] = client
        return self.clients[service]

    def protect(self, params: dict[str, Any], **_: Any) -> tuple[AWSResponse, dict[str, Any]]:
        self.protected.append(params["body"]["EnableTerminationProtection"])
        return AWSResponse("", 200, {}, None), {}

    def run(self, *words: str) -> int:
        return main(
            words, lambda profile, region: Aws("123456789012", REGION, "an administrator", self.client)
        )


def without_nothing(clean: Callable[..., Any]) -> Callable[..., Any]:
    """moto's function that resolves a part of a template, with lists in which AWS::NoValue is not there."""

    def cleaned(part: Any, *rest: Any) -> Any:
        found = clean(part, *rest)
        return [each for each in found if each is not None] if isinstance(part, list) else found

    return cleaned


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    for name, value in dead_settings().items():
        if name != "AWS_ENDPOINT_URL":
            monkeypatch.setenv(name, value)
    monkeypatch.setattr(parsing, "clean_json", without_nothing(parsing.clean_json))
    monkeypatch.setattr(yaml, "Loader", yaml.CLoader)  # for moto, which reads the template several times
    with warnings.catch_warnings(), mock_aws():
        warnings.filterwarnings(
            "ignore", message="Tried to parse .* not supported by moto", category=UserWarning
        )
        yield Account()


def test_a_stack_is_planned_deployed_changed_shown_and_destroyed(
    account: Account, defaults: ResolvedStack, capsys: pytest.CaptureFixture[str]
) -> None:
    def result() -> tuple[str, str]:
        printed = capsys.readouterr()
        return printed.out, printed.err

    assert account.run("status") == 1
    assert "There is no stack fashion-mnist" in result()[0]

    # Nobody is at the terminal, so the plan is shown and dropped.
    assert account.run("plan") == 0
    out, err = result()
    assert "+ EvaluationRole" in out
    assert "Permissions change: " in out
    assert "Nothing was changed" in err
    assert account.run("deploy", "--yes", "--param", "LogRetentionDays=30") == 0
    out, err = result()
    assert "protected from being deleted by mistake" in err
    assert account.protected == ["true"]
    groups = account.client("logs").describe_log_groups()["logGroups"]
    assert {group["retentionInDays"] for group in groups} == {30}
    # moto and infra.resolving make the same of the template's functions. moto keeps what Python prints.
    names = Stack(account.client("cloudformation"), "fashion-mnist").physical_names("fashion-mnist")
    inline = account.client("iam").get_role_policy(
        RoleName=names["EvaluationRole"], PolicyName="evaluate-and-register"
    )
    expected = json.dumps(defaults.properties("EvaluationRole")["Policies"][0]["PolicyDocument"])
    assert ast.literal_eval(inline["PolicyDocument"]) == json.loads(expected.replace(ACCOUNT, "123456789012"))

    assert account.run("status", "--json") == 0
    assert json.loads(result()[0])["status"] == "CREATE_COMPLETE"

    account.client("s3").put_object(
        Bucket="fashion-mnist-123456789012-us-east-1", Key="model", Body=b"precious"
    )
    assert account.run("destroy", "--yes") == 1
    out, err = result()
    assert "bucket fashion-mnist-123456789012-us-east-1: 1 object versions" in out
    assert "--delete-data" in err
    assert account.run("status") == 0

    assert account.run("destroy", "--delete-data") == 2
    assert "no terminal to ask at, and no --yes" in result()[1]
    assert account.run("destroy", "--delete-data", "--yes") == 0
    assert "The stack fashion-mnist is deleted." in result()[1]
    assert account.client("s3").list_buckets()["Buckets"] == []
    assert account.run("destroy", "--yes") == 0
    assert "There is no stack" in result()[1]


def test_the_function_that_deploys_approved_models_is_made_when_asked_for(
    account: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    assert account.run("deploy", "--yes", "--param", "DeployApproved=true") == 0, capsys.readouterr().err
    function = account.client("lambda").get_function(FunctionName="fashion-mnist-deploy")["Configuration"]
    assert (function["Handler"], function["Runtime"]) == ("index.handler", "python3.13")
    assert function["Environment"]["Variables"]["PROJECT"] == "fashion-mnist"
    (target,) = account.client("events").list_targets_by_rule(Rule="fashion-mnist-approved-model")["Targets"]
    assert target["Arn"] == function["FunctionArn"]
    assert account.run("destroy", "--yes") == 0, capsys.readouterr().err
    assert account.client("lambda").list_functions()["Functions"] == []


def test_log_groups_that_jobs_have_made_are_left_alone(
    account: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    account.client("logs").create_log_group(logGroupName="/aws/sagemaker/TrainingJobs")
    assert account.run("deploy", "--yes") == 0
    assert "stay as they are: /aws/sagemaker/TrainingJobs" in capsys.readouterr().err
    groups = account.client("logs").describe_log_groups()["logGroups"]
    kept = {group["logGroupName"]: group.get("retentionInDays") for group in groups}
    assert kept == {"/aws/sagemaker/TrainingJobs": None, "/aws/sagemaker/Endpoints/fashion-mnist": 90}


def test_a_parameter_that_the_template_lacks_is_refused_with_what_may_be_meant(
    account: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    assert account.run("deploy", "--yes", "--param", "CreateVPC=true") == 2
    assert "Did you mean CreateVpc?" in capsys.readouterr().err
