"""The whole life of the stack is rehearsed, and the failures of a first day are found when they are put back."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import pytest

from infra.template import Template
from pipeline.targets.aws.iam_evaluator import Request
from tests.infra.regressions.mutation import drop_statement, of, statement
from tests.infra.requests_of_roles import PACKAGE
from tests.rehearsal.faults import faults
from tests.rehearsal.life import Life, Played

pytestmark = pytest.mark.usefixtures("forked_jobs")

Change = Callable[[Template], None]
ALWAYS = {"Fn::Equals": ["x", "x"]}
PREFIX = {"Fn::Sub": "arn:${AWS::Partition}:sagemaker:${AWS::Region}:${AWS::AccountId}:endpoint/${Project}*"}


@pytest.fixture(scope="session")
def played(small_data_set: Path, tmp_path_factory: pytest.TempPathFactory) -> Played:
    with Life(tmp_path_factory.mktemp("rehearsal"), small_data_set, print) as life:
        return life.play()


def test_the_whole_life_goes_well(played: Played, template: Template) -> None:
    assert len(played.acts) == 13
    roles = {ask.who for ask in played.asks}
    assert {
        "DeployerRole",
        "PipelineRole",
        "JobRole",
        "EvaluationRole",
        "EndpointRole",
        "DeployFunctionRole",
    } < roles
    registering = [ask for ask in played.asks if ask.request.action == "sagemaker:CreateModelPackage"]
    assert {ask.who for ask in registering} == {"EvaluationRole"}
    assert list(faults(template, played)) == []


def budgets_everywhere(template: Template) -> None:
    template["Conditions"]["KnowsBudgets"] = ALWAYS


def a_region_without_model_package_groups(template: Template) -> None:
    template["Mappings"]["ContainerAccounts"]["ap-south-2"] = {"Id": "772153158452"}


def every_log_goes_with_the_stack(template: Template) -> None:
    template["Resources"]["TrainingLogGroup"]["DeletionPolicy"] = "Delete"


def any_endpoint_of_that_name_is_changed(template: Template) -> None:
    del statement(template["Resources"], "ServePolicy", "ChangeEndpoints")["Condition"]


def names_have_no_end(template: Template) -> None:
    statement(template["Resources"], "ServePolicy", "MakeEndpoints")["Resource"].append(PREFIX)


def starts_are_lost(template: Template) -> None:
    del of(template["Resources"], "ScheduleRule")["Targets"][0]["DeadLetterConfig"]


def the_queue_takes_nothing_from_the_schedule(template: Template) -> None:
    arns = statement(template["Resources"], "UndeliveredPolicy", "TakeUndelivered")["Condition"]["ArnEquals"]
    arns["aws:SourceArn"] = [each for each in arns["aws:SourceArn"] if "-schedule" not in json.dumps(each)]


def a_request_must_name_its_encryption(template: Template) -> None:
    del statement(template["Resources"], "BucketPolicy", "DenyOtherEncryption")["Condition"]["Null"]


def a_request_must_name_its_key(template: Template) -> None:
    del statement(template["Resources"], "BucketPolicy", "DenyOtherKeys")["Condition"]["Null"]


def aws_own_key_gets_through(template: Template) -> None:
    drop_statement(template["Resources"], "BucketPolicy", "DenyUnnamedKeys")


def checkpoints_must_name_the_key(template: Template) -> None:
    statement(template["Resources"], "BucketPolicy", "DenyUnnamedKeys")["Resource"] = {
        "Fn::Sub": "${Bucket.Arn}/*"
    }


def an_upload_takes_other_folders_along(template: Template) -> None:
    given = of(template["Resources"], "UploadRule")["Targets"][0]["SageMakerPipelineParameters"]
    given["PipelineParameterList"][0]["Value"] = {
        "Fn::Sub": "s3://${Bucket}/fashion-mnist/raw/${UploadFolder}"
    }


def jobs_list_with_a_prefix_alone(template: Template) -> None:
    listing = statement(template["Resources"], "JobRole", "ListInputs")
    listing["Condition"] = {"StringLike": {"s3:prefix": "fashion-mnist/*"}}


def jobs_use_the_key_through_s3_alone(template: Template) -> None:
    use = statement(template["Resources"], "ContainerPolicy", "UseKey")
    use["Condition"] = {
        "StringEquals": {"kms:ViaService": {"Fn::Sub": "s3.${AWS::Region}.${AWS::URLSuffix}"}}
    }


def disks_are_encrypted_by_aws_services_alone(template: Template) -> None:
    drop_statement(template["Resources"], "ContainerPolicy", "EncryptVolumesThroughSageMaker")


def lambda_must_name_the_function(template: Template) -> None:
    trust = of(template["Resources"], "DeployFunctionRole")["AssumeRolePolicyDocument"]["Statement"][0]
    trust["Condition"]["ArnLike"] = {
        "aws:SourceArn": {"Fn::Sub": "arn:${AWS::Partition}:lambda:*:*:function:x"}
    }


def the_pipeline_gives_no_role(template: Template) -> None:
    drop_statement(template["Resources"], "PipelineRole", "GiveJobsTheirRoles")


def the_evaluation_may_not_register(template: Template) -> None:
    statement(template["Resources"], "EvaluationRole", "RegisterModels")["Action"].remove(
        "sagemaker:CreateModelPackage"
    )


def the_endpoint_may_not_read_models(template: Template) -> None:
    drop_statement(template["Resources"], "EndpointRole", "ReadModels")


def the_deployer_approves(template: Template) -> None:
    drop_statement(template["Resources"], "DeployerRole", "DenyApproval")
    statement(template["Resources"], "DeployerRole", "ReadGroup")["Action"] = "sagemaker:*"
    statement(template["Resources"], "DeployerRole", "ReadGroup")["Resource"] = "*"


PUT_BACK: dict[Change, str] = {
    budgets_everywhere: "Unrecognized resource types: ['AWS::Budgets::Budget'] (in eu-north-1)",
    a_region_without_model_package_groups: "['AWS::SageMaker::ModelPackageGroup'] (in ap-south-2)",
    every_log_goes_with_the_stack: "TrainingLogGroup goes with it, and with it everybody's logs",
    any_endpoint_of_that_name_is_changed: "DeployerRole asks for sagemaker:DeleteEndpoint on",
    names_have_no_end: "endpoint/fashion-mnistic, and is let through",
    starts_are_lost: "what ScheduleRule cannot hand on is lost",
    the_queue_takes_nothing_from_the_schedule: "events.amazonaws.com asks for sqs:SendMessage",
    a_request_must_name_its_encryption: "BucketPolicy denies it (DenyOtherEncryption)",
    a_request_must_name_its_key: "BucketPolicy denies it (DenyOtherKeys)",
    aws_own_key_gets_through: "DeployerRole asks for s3:PutObject on",
    checkpoints_must_name_the_key: "BucketPolicy denies it (DenyUnnamedKeys)",
    an_upload_takes_other_folders_along: "takes fashion-mnist/raw/incoming2/READY along",
    jobs_list_with_a_prefix_alone: "JobRole asks for s3:ListBucket on",
    jobs_use_the_key_through_s3_alone: "JobRole asks for kms:Decrypt on",
    disks_are_encrypted_by_aws_services_alone: "JobRole asks for kms:CreateGrant on",
    lambda_must_name_the_function: "lambda.amazonaws.com asks for sts:AssumeRole",
    the_pipeline_gives_no_role: "PipelineRole asks for iam:PassRole on",
    the_evaluation_may_not_register: "EvaluationRole asks for sagemaker:CreateModelPackage on",
    the_endpoint_may_not_read_models: "EndpointRole asks for s3:GetObject on",
    the_deployer_approves: "DeployerRole asks for sagemaker:UpdateModelPackage on",
}


@pytest.mark.parametrize("change", PUT_BACK, ids=lambda change: change.__name__)
def test_a_failure_that_is_put_back_is_told(change: Change, played: Played, template: Template) -> None:
    changed = deepcopy(template)
    change(changed)
    found = list(faults(changed, played))
    assert any(PUT_BACK[change] in line for line in found), found[:5]


REGISTERED = "sagemaker:CreateModelPackage"
SAID = {
    "approved": Request(REGISTERED, PACKAGE, {"sagemaker:ModelApprovalStatus": "Approved"}),
    "into another group": Request(REGISTERED, PACKAGE.replace("fashion-mnist", "other")),
}
TOLD = {
    "approved": "the role's policies deny it (DenyApproval)",
    "into another group": "no policy of the role allows",
}


@pytest.mark.parametrize("how", SAID)
def test_values_that_no_role_allows_are_told(played: Played, template: Template, how: str) -> None:
    """What the preflight refuses, in an execution that was started without it."""
    asks = [
        replace(ask, request=SAID[how]) if ask.request.action == REGISTERED else ask for ask in played.asks
    ]
    found = list(faults(template, replace(played, asks=asks)))
    assert any(
        line.startswith("Running the pipeline: EvaluationRole") and TOLD[how] in line for line in found
    )


def test_an_empty_text_is_told(played: Played, template: Template) -> None:
    definition = deepcopy(played.definition)
    for each in definition["Parameters"]:
        if each["Name"] == "ChampionModelPackage":
            each["DefaultValue"] = ""
    found = list(faults(template, replace(played, definition=definition)))
    assert [line for line in found if "ChampionModelPackage is empty" in line]
