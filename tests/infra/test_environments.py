"""Two environments, of one template and in one account: nothing of one has a name of the other's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import combinations
from typing import Any

import pytest

from infra.deploying import choose_parameters
from infra.resolving import ResolvedStack, resolve_template
from infra.stack import Stack
from infra.template import Template
from pipeline.definition.settings import PROJECT
from pipeline.errors import UsageError
from pipeline.targets.aws.stack import ENVIRONMENTS, stack_name
from tests.infra.security.properties import EVERYTHING
from tests.infra.stubbed_account import StubbedAccount

TEMPLATE = "{}"
# Of an account, whoever makes them first; the command line and a parameter see to that.
OF_THE_ACCOUNT = {"TrainingLogGroup", "ProcessingLogGroup", "GitHubOidcProvider"}
NAMES = (
    "BucketName", "RepositoryName", "TopicName", "AliasName", "LogGroupName", "ModelPackageGroupName", "QueueName",
    "FunctionName", "AlarmName", "BudgetName", "DashboardName", "Name",
)  # fmt: skip


def names(stack: ResolvedStack) -> Iterator[tuple[str, str]]:
    """Type and name of each resource that the template itself names."""
    for logical, resource in stack.resources.items():
        properties: dict[str, Any] = resource.get("Properties", {})
        own = {**properties, **properties.get("Budget", {})}
        if logical not in OF_THE_ACCOUNT and resource["Type"] != "AWS::Lambda::Permission":
            yield from ((resource["Type"], str(own[name])) for name in NAMES if name in own)


def test_no_name_is_another_environments(template: Template) -> None:
    projects = (PROJECT, *(f"{PROJECT}-{environment}" for environment in ENVIRONMENTS))
    stacks = [resolve_template(template, {**EVERYTHING, "Project": project}) for project in projects]
    for one, other in combinations([set(names(stack)) for stack in stacks], 2):
        assert len(one) > 20
        assert one & other == set()


def test_their_names_are_names_that_the_template_takes(template: Template) -> None:
    for environment in ENVIRONMENTS:
        project = f"{PROJECT}-{environment}"
        assert re.fullmatch(template["Parameters"]["Project"]["AllowedPattern"], project)
        stack = resolve_template(template, {"Project": project}, "ap-northeast-1")
        assert max(len(bucket["BucketName"]) for bucket in stack.of_type("AWS::S3::Bucket").values()) <= 63


@pytest.mark.parametrize(
    ("environ", "name"),
    [
        ({}, PROJECT),
        ({"ENVIRONMENT": ""}, PROJECT),
        ({"ENVIRONMENT": "staging"}, "fashion-mnist-staging"),
        ({"ENVIRONMENT": "production"}, "fashion-mnist-production"),
        ({"ENVIRONMENT": "BATCH", "FASHION_STACK": "mine"}, "mine"),
    ],
)
def test_the_environment_names_the_stack(environ: dict[str, str], name: str) -> None:
    assert stack_name(environ) == name


def test_another_environment_is_refused_and_not_taken_for_none() -> None:
    with pytest.raises(UsageError, match="'prod'; this project's are staging and production"):
        stack_name({"ENVIRONMENT": "prod"})


@pytest.mark.parametrize(("given", "project"), [({}, "other"), ({"Project": "mine"}, "mine")])
def test_a_new_stack_of_another_name_calls_its_resources_after_itself(
    account: StubbedAccount, given: dict[str, str], project: str
) -> None:
    account.takes_parameters("Project")
    stack = Stack(account.client("cloudformation"), "other", account.slept.append)
    sent = {"TemplateBody": TEMPLATE}
    chosen = choose_parameters(account.aws(), stack, None, sent, given, account.said.append)
    assert chosen == {"Project": project}


def test_the_stack_without_an_environment_keeps_the_templates_name(account: StubbedAccount) -> None:
    account.takes_parameters("Project")
    sent = {"TemplateBody": TEMPLATE}
    assert choose_parameters(account.aws(), account.stack(), None, sent, {}, account.said.append) == {}
