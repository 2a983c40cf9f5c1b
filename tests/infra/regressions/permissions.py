"""Regressions of what a role may do."""

from __future__ import annotations

from infra.template import Template
from tests.infra.regressions.mutation import (
    drop_statement,
    mutation,
    of,
    statement,
    statements,
)


@mutation("roles_hand_on_only_the_roles_they_must_and_only_to_sagemaker")
def any_role_can_be_passed(resources: Template) -> None:
    statement(resources, "PipelineRole", "GiveJobsTheirRoles")["Resource"] = "*"


@mutation("roles_hand_on_only_the_roles_they_must_and_only_to_sagemaker")
def passed_to_service_is_dropped(resources: Template) -> None:
    del statement(resources, "PipelineRole", "GiveJobsTheirRoles")["Condition"]


@mutation("roles_hand_on_only_the_roles_they_must_and_only_to_sagemaker")
def the_deployer_passes_any_role(resources: Template) -> None:
    statement(resources, "DeployerRole", "GivePipelineItsRole")["Resource"] = {
        "Fn::Sub": "arn:aws:iam::${AWS::AccountId}:role/*"
    }


@mutation("roles_hand_on_only_the_roles_they_must_and_only_to_sagemaker")
def jobs_pass_roles(resources: Template) -> None:
    statement(resources, "JobRole", "ReadInputs")["Action"] = ["s3:GetObject", "iam:PassRole"]


@mutation("roles_have_no_policies_but_their_own")
def full_access_is_attached(resources: Template) -> None:
    full = "arn:aws:iam::aws:policy/AmazonSageMakerFullAccess"
    of(resources, "PipelineRole")["ManagedPolicyArns"] = [full]


@mutation("no_action_is_a_wildcard")
def jobs_do_anything_in_s3(resources: Template) -> None:
    statement(resources, "JobRole", "ReadInputs")["Action"] = "s3:*"


@mutation("no_action_is_a_wildcard")
def the_pipeline_does_anything_in_sagemaker(resources: Template) -> None:
    statement(resources, "PipelineRole", "RunJobs")["Action"] = "sagemaker:*"


@mutation("every_wildcard_resource_is_forced_and_explained")
def jobs_use_every_key(resources: Template) -> None:
    statement(resources, "ContainerPolicy", "UseKey")["Resource"] = "*"


@mutation("every_wildcard_resource_is_forced_and_explained")
def a_wildcards_reason_is_dropped(resources: Template) -> None:
    del resources["ContainerPolicy"]["Metadata"]["WildcardReasons"]["PutMetrics"]


@mutation("named_resources_are_this_accounts")
def jobs_read_every_bucket(resources: Template) -> None:
    statement(resources, "JobRole", "ReadInputs")["Resource"] = "arn:aws:s3:::*/*"


@mutation("named_resources_are_this_accounts")
def the_pipeline_reads_the_whole_bucket(resources: Template) -> None:
    statement(resources, "PipelineRole", "ReadVerdict")["Resource"] = {"Fn::Sub": "${Bucket.Arn}/*"}


@mutation("roles_can_do_their_work_and_nothing_else")
def jobs_read_the_test_split(resources: Template) -> None:
    statement(resources, "JobRole", "ReadInputs")["Resource"].append(
        {"Fn::Sub": "${Bucket.Arn}/fashion-mnist/executions/*/processed/*"}
    )


@mutation("roles_can_do_their_work_and_nothing_else")
def jobs_register_models(resources: Template) -> None:
    statements(resources, "JobRole").append(statement(resources, "EvaluationRole", "RegisterModels"))


@mutation("roles_can_do_their_work_and_nothing_else")
def the_evaluation_registers_in_any_group(resources: Template) -> None:
    statement(resources, "EvaluationRole", "RegisterModels")["Resource"] = {
        "Fn::Sub": "arn:aws:sagemaker:${AWS::Region}:${AWS::AccountId}:model-package/*"
    }


@mutation("roles_can_do_their_work_and_nothing_else")
def the_evaluation_cannot_register(resources: Template) -> None:
    statement(resources, "EvaluationRole", "RegisterModels")["Action"].remove("sagemaker:CreateModelPackage")


@mutation("nobody_approves_models_even_with_full_access")
def the_evaluation_may_approve_its_own(resources: Template) -> None:
    drop_statement(resources, "EvaluationRole", "DenyApproval")


@mutation("nobody_approves_models_even_with_full_access")
def the_approval_deny_has_the_wrong_status(resources: Template) -> None:
    deny = statement(resources, "EvaluationRole", "DenyApproval")
    deny["Condition"]["StringEquals"]["sagemaker:ModelApprovalStatus"] = "approved"


@mutation("nobody_approves_models_even_with_full_access")
def the_deployer_may_approve(resources: Template) -> None:
    drop_statement(resources, "DeployerRole", "DenyApproval")


@mutation("the_key_is_used_through_s3_or_by_jobs_alone")
def the_key_is_used_outside_s3(resources: Template) -> None:
    del statement(resources, "DeployerRole", "UseKeyThroughS3")["Condition"]


@mutation("the_key_is_used_through_s3_or_by_jobs_alone")
def grants_on_the_key_go_to_anybody(resources: Template) -> None:
    del statement(resources, "ContainerPolicy", "EncryptVolumes")["Condition"]


@mutation("roles_can_do_their_work_and_nothing_else")
def metrics_go_to_any_namespace(resources: Template) -> None:
    del statement(resources, "ContainerPolicy", "PutMetrics")["Condition"]


@mutation("roles_can_do_their_work_and_nothing_else")
def jobs_join_any_network(resources: Template) -> None:
    statement(resources, "NetworkPolicy", "JoinNetwork")["Resource"] = {
        "Fn::Sub": "arn:aws:ec2:${AWS::Region}:${AWS::AccountId}:*"
    }


@mutation("every_role_is_bounded_where_that_is_asked_for")
def a_role_is_not_bounded(resources: Template) -> None:
    del of(resources, "TriggerRole")["PermissionsBoundary"]


@mutation("roles_hand_on_only_the_roles_they_must_and_only_to_sagemaker")
def endpoints_can_have_any_role(resources: Template) -> None:
    statement(resources, "ServePolicy", "GiveEndpointsTheirRole")["Resource"] = {
        "Fn::Sub": "arn:aws:iam::${AWS::AccountId}:role/*"
    }


@mutation("roles_can_do_their_work_and_nothing_else")
def the_deployer_manages_every_endpoint(resources: Template) -> None:
    statement(resources, "ServePolicy", "MakeEndpoints")["Resource"] = {
        "Fn::Sub": "arn:aws:sagemaker:${AWS::Region}:${AWS::AccountId}:*"
    }


@mutation("roles_can_do_their_work_and_nothing_else")
def endpoints_read_the_data(resources: Template) -> None:
    statement(resources, "EndpointRole", "ReadModels")["Resource"] = {
        "Fn::Sub": "${Bucket.Arn}/fashion-mnist/executions/*"
    }


@mutation("roles_can_do_their_work_and_nothing_else")
def the_pipeline_makes_experiments(resources: Template) -> None:
    statement(resources, "PipelineRole", "RunJobs")["Action"].append("sagemaker:CreateExperiment")
    statement(resources, "PipelineRole", "RunJobs")["Resource"].append("*")


@mutation("nobody_approves_models_even_with_full_access")
def the_function_may_approve(resources: Template) -> None:
    statement(resources, "DeployFunctionRole", "DenyApproval")["Effect"] = "Allow"
