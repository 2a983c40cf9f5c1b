"""Regressions of network, events and budget."""

from __future__ import annotations

from infra.template import Template
from tests.infra.regressions.mutation import (
    mutation,
    of,
    statement,
)


@mutation("the_network_has_no_way_to_the_internet")
def the_network_has_a_gateway(resources: Template) -> None:
    resources["Gateway"] = {"Type": "AWS::EC2::InternetGateway", "Condition": "MakesVpc"}


@mutation("the_network_has_no_way_to_the_internet")
def subnets_give_public_addresses(resources: Template) -> None:
    of(resources, "SubnetB")["MapPublicIpOnLaunch"] = True


@mutation("endpoints_pass_this_projects_requests_only")
def an_endpoints_policy_is_removed(resources: Template) -> None:
    del of(resources, "S3Endpoint")["PolicyDocument"]


@mutation("endpoints_pass_this_projects_requests_only")
def an_endpoint_passes_other_accounts_requests(resources: Template) -> None:
    del statement(resources, "SageMakerEndpoint", "UseRegistry")["Condition"]


@mutation("endpoints_pass_this_projects_requests_only")
def an_endpoint_passes_requests_to_any_bucket(resources: Template) -> None:
    statement(resources, "S3Endpoint", "UseBucket")["Resource"] = "arn:aws:s3:::*"


@mutation("only_jobs_reach_jobs_and_endpoints")
def the_endpoints_let_everybody_in(resources: Template) -> None:
    rule = of(resources, "EndpointSecurityGroup")["SecurityGroupIngress"][0]
    del rule["SourceSecurityGroupId"]
    rule["CidrIp"] = "0.0.0.0/0"


@mutation("only_jobs_reach_jobs_and_endpoints")
def jobs_reach_everything(resources: Template) -> None:
    del of(resources, "JobSecurityGroup")["SecurityGroupEgress"]


@mutation("only_jobs_reach_jobs_and_endpoints")
def encrypted_traffic_between_hosts_is_kept_out(resources: Template) -> None:
    of(resources, "JobsFromJobs").update({"IpProtocol": "tcp", "FromPort": 1024, "ToPort": 65535})


@mutation("only_jobs_reach_jobs_and_endpoints")
def the_endpoints_take_any_port(resources: Template) -> None:
    of(resources, "EndpointSecurityGroup")["SecurityGroupIngress"][0]["FromPort"] = 0


@mutation("the_networks_traffic_is_logged")
def flow_logs_are_removed(resources: Template) -> None:
    del resources["FlowLog"]


@mutation("people_hear_of_failures_and_models")
def failures_of_every_pipeline_are_told(resources: Template) -> None:
    del of(resources, "FailedExecutionRule")["EventPattern"]["detail"]["pipelineArn"]


@mutation("people_hear_of_failures_and_models")
def failures_are_not_told(resources: Template) -> None:
    of(resources, "FailedExecutionRule")["State"] = "DISABLED"


@mutation("money_is_watched")
def the_budget_is_removed(resources: Template) -> None:
    del resources["Budget"]


@mutation("triggers_start_this_pipeline_with_their_own_role")
def any_upload_starts_the_pipeline(resources: Template) -> None:
    of(resources, "UploadRule")["EventPattern"]["detail"].pop("object")


@mutation("triggers_start_this_pipeline_with_their_own_role")
def the_schedule_uses_the_pipelines_role(resources: Template) -> None:
    of(resources, "ScheduleRule")["Targets"][0]["RoleArn"] = {"Fn::GetAtt": ["PipelineRole", "Arn"]}


@mutation("options_are_off_unless_asked_for")
def the_network_is_always_made(resources: Template) -> None:
    del resources["Vpc"]["Condition"]


@mutation("options_are_off_unless_asked_for")
def the_upload_trigger_is_always_on(resources: Template) -> None:
    del resources["UploadRule"]["Condition"]


@mutation("an_approved_model_alone_is_deployed")
def any_state_of_a_model_deploys_it(resources: Template) -> None:
    del of(resources, "ApprovedModelRule")["EventPattern"]["detail"]["ModelApprovalStatus"]


@mutation("an_approved_model_alone_is_deployed")
def models_of_every_group_are_deployed(resources: Template) -> None:
    del of(resources, "ApprovedModelRule")["EventPattern"]["detail"]["ModelPackageGroupName"]


@mutation("an_approved_model_alone_is_deployed")
def any_rule_calls_the_function(resources: Template) -> None:
    del of(resources, "CallDeployFunction")["SourceArn"]


@mutation("an_approved_model_alone_is_deployed")
def the_function_fails_in_silence(resources: Template) -> None:
    del of(resources, "DeployFunction")["DeadLetterConfig"]


@mutation("options_are_off_unless_asked_for")
def approved_models_are_always_deployed(resources: Template) -> None:
    del resources["ApprovedModelRule"]["Condition"]


@mutation("the_monitor_runs_on_its_schedule_and_drift_alone_trains_anew")
def any_failure_of_the_monitor_trains_anew(resources: Template) -> None:
    del of(resources, "RetrainRule")["EventPattern"]["detail"]["stepName"]


@mutation("the_monitor_runs_on_its_schedule_and_drift_alone_trains_anew")
def drift_of_any_pipeline_trains_anew(resources: Template) -> None:
    del of(resources, "RetrainRule")["EventPattern"]["detail"]["pipelineArn"]


@mutation("the_monitor_runs_on_its_schedule_and_drift_alone_trains_anew")
def a_retraining_may_be_worse_than_the_champion(resources: Template) -> None:
    of(resources, "RetrainRule")["Targets"][0]["SageMakerPipelineParameters"]["PipelineParameterList"].pop()


@mutation("the_monitor_runs_on_its_schedule_and_drift_alone_trains_anew")
def the_monitor_is_never_started(resources: Template) -> None:
    of(resources, "MonitorRule")["ScheduleExpression"] = "rate(7 years)"
