"""Regressions of who takes a role."""

from __future__ import annotations

from infra.template import Template
from tests.infra.regressions.mutation import (
    github_trust,
    mutation,
    trust,
)


@mutation("a_role_is_taken_by_those_it_is_for")
def everybody_takes_the_job_role(resources: Template) -> None:
    trust(resources, "JobRole")["Principal"] = {"AWS": "*"}


@mutation("a_role_is_taken_by_those_it_is_for")
def the_account_takes_the_evaluation_role(resources: Template) -> None:
    trust(resources, "EvaluationRole")["Principal"] = {
        "AWS": {"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:root"}
    }


@mutation("services_act_for_this_account_only")
def source_account_is_dropped(resources: Template) -> None:
    del trust(resources, "JobRole")["Condition"]["StringEquals"]


@mutation("services_act_for_this_account_only")
def source_arn_is_dropped(resources: Template) -> None:
    del trust(resources, "PipelineRole")["Condition"]["ArnLike"]


@mutation("services_act_for_this_account_only")
def functions_of_any_account_take_the_functions_role(resources: Template) -> None:
    del trust(resources, "DeployFunctionRole")["Condition"]


@mutation("a_role_is_taken_by_those_it_is_for")
def lambda_must_name_the_function_to_take_its_role(resources: Template) -> None:
    """It would refuse to make the function, if it does not."""
    trust(resources, "DeployFunctionRole")["Condition"]["ArnLike"] = {
        "aws:SourceArn": {"Fn::Sub": "arn:aws:lambda:${AWS::Region}:${AWS::AccountId}:function:x"}
    }


@mutation("a_role_is_taken_by_those_it_is_for")
def the_trigger_role_is_for_any_rule(resources: Template) -> None:
    del trust(resources, "TriggerRole")["Condition"]["ArnLike"]


@mutation("a_role_is_taken_by_those_it_is_for")
def the_evaluation_role_is_for_training_too(resources: Template) -> None:
    trust(resources, "EvaluationRole")["Condition"]["ArnLike"]["aws:SourceArn"] = {
        "Fn::Sub": "arn:aws:sagemaker:${AWS::Region}:${AWS::AccountId}:*/pipelines-*"
    }


@mutation("github_takes_the_deployer_role_from_one_place")
def githubs_subject_is_a_wildcard(resources: Template) -> None:
    condition = github_trust(resources)["Condition"]
    subject = condition["StringEquals"].pop("token.actions.githubusercontent.com:sub")
    assert subject
    condition["StringLike"] = {"token.actions.githubusercontent.com:sub": "repo:owner/*"}


@mutation("github_takes_the_deployer_role_from_one_place")
def githubs_audience_is_not_checked(resources: Template) -> None:
    del github_trust(resources)["Condition"]["StringEquals"]["token.actions.githubusercontent.com:aud"]


@mutation("without_github_the_deployer_role_is_this_accounts")
def another_account_deploys(resources: Template) -> None:
    trust(resources, "DeployerRole")["Fn::If"][2]["Principal"] = {"AWS": "arn:aws:iam::444455556666:root"}
