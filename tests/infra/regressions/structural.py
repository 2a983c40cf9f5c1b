"""Regressions of kinds that no property was written for: 23 of 28 such passed all checks once."""

from __future__ import annotations

from infra.template import Template
from tests.infra.regressions.mutation import mutation, of, statement, statements

FOREIGN = "arn:aws:iam::444455556666:root"


@mutation("the_stack_is_made_of_known_types_and_properties")
def the_bucket_is_replicated_to_somebody(resources: Template) -> None:
    of(resources, "Bucket")["ReplicationConfiguration"] = {
        "Role": {"Fn::GetAtt": ["JobRole", "Arn"]},
        "Rules": [{"Status": "Enabled", "Destination": {"Bucket": "arn:aws:s3:::theirs"}}],
    }


@mutation("the_stack_is_made_of_known_types_and_properties")
def everybody_pulls_the_images(resources: Template) -> None:
    of(resources, "Repository")["RepositoryPolicyText"] = {
        "Statement": [{"Effect": "Allow", "Principal": "*"}]
    }


@mutation("the_stack_is_made_of_known_types_and_properties")
def the_function_has_a_public_address(resources: Template) -> None:
    resources["Url"] = {
        "Type": "AWS::Lambda::Url",
        "Properties": {"AuthType": "NONE", "TargetFunctionArn": {"Ref": "DeployFunction"}},
    }


@mutation("the_stack_is_made_of_known_types_and_properties")
def a_policy_is_attached_from_outside_the_roles(resources: Template) -> None:
    allow = {"Sid": "All", "Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    document = {"Version": "2012-10-17", "Statement": [allow]}
    resources["More"] = {
        "Type": "AWS::IAM::Policy",
        "Properties": {"PolicyName": "more", "Roles": [{"Ref": "JobRole"}], "PolicyDocument": document},
    }


@mutation("the_stack_is_made_of_known_types_and_properties")
def a_user_with_a_password_is_made(resources: Template) -> None:
    resources["User"] = {"Type": "AWS::IAM::User", "Properties": {}}


@mutation("the_stack_is_made_of_known_types_and_properties")
def events_go_to_another_bus(resources: Template) -> None:
    of(resources, "ModelStateRule")["EventBusName"] = "arn:aws:events:us-east-1:444455556666:event-bus/theirs"


@mutation("what_a_policy_of_a_resource_denies_is_denied_to_everybody")
def the_tls_deny_binds_the_root_alone(resources: Template) -> None:
    statement(resources, "BucketPolicy", "DenyWithoutTls")["Principal"] = {
        "AWS": {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}
    }


@mutation("what_a_policy_of_a_resource_denies_is_denied_to_everybody")
def the_bucket_locks_everybody_out(resources: Template) -> None:
    del statement(resources, "BucketPolicy", "DenyWithoutTls")["Condition"]


@mutation("policies_have_the_version_that_knows_variables_and_no_odd_elements")
def a_statement_is_about_all_but_one_principal(resources: Template) -> None:
    deny = statement(resources, "BucketPolicy", "DenyOtherKeys")
    deny["NotPrincipal"] = {"AWS": FOREIGN}


@mutation("policies_have_the_version_that_knows_variables_and_no_odd_elements")
def a_policy_is_of_the_old_version(resources: Template) -> None:
    of(resources, "TopicPolicy")["PolicyDocument"]["Version"] = "2008-10-17"


@mutation("names_of_others_are_references")
def an_event_goes_to_another_accounts_topic(resources: Template) -> None:
    of(resources, "FailedExecutionRule")["Targets"][0]["Arn"] = "arn:aws:sns:us-east-1:444455556666:theirs"


@mutation("names_of_others_are_references")
def a_policy_names_a_bucket(resources: Template) -> None:
    of(resources, "FlowLog")["LogDestination"] = "arn:aws:s3:::theirs/vpc/"


@mutation("names_of_others_are_references")
def an_upload_is_read_from_another_bucket(resources: Template) -> None:
    given = of(resources, "UploadRule")["Targets"][0]["SageMakerPipelineParameters"]["PipelineParameterList"]
    given[0]["Value"] = "s3://theirs/data"


@mutation("names_of_others_are_references")
def a_region_is_written_down(resources: Template) -> None:
    of(resources, "SageMakerEndpoint")["ServiceName"] = "com.amazonaws.us-east-1.sagemaker.api"


@mutation("names_of_others_are_references")
def another_identity_provider_is_trusted(resources: Template) -> None:
    of(resources, "GitHubOidcProvider")["Url"] = "https://tokens.example"


@mutation("jobs_reach_what_they_need_from_every_subnet")
def the_endpoint_has_no_private_dns(resources: Template) -> None:
    of(resources, "SageMakerEndpoint")["PrivateDnsEnabled"] = False


@mutation("jobs_reach_what_they_need_from_every_subnet")
def a_subnet_has_no_route_to_s3(resources: Template) -> None:
    del resources["RouteTableOfSubnetB"]


@mutation("jobs_reach_what_they_need_from_every_subnet")
def s3_is_in_no_route_table(resources: Template) -> None:
    of(resources, "S3Endpoint")["RouteTableIds"] = []


@mutation("jobs_reach_what_they_need_from_every_subnet")
def both_subnets_are_in_one_zone(resources: Template) -> None:
    of(resources, "SubnetB")["AvailabilityZone"] = of(resources, "SubnetA")["AvailabilityZone"]


@mutation("jobs_may_say_to_the_registry_what_the_evaluation_says")
def the_network_does_not_let_the_evaluation_register(resources: Template) -> None:
    statement(resources, "SageMakerEndpoint", "UseRegistry")["Action"].remove("sagemaker:CreateModelPackage")


@mutation("jobs_may_say_to_the_registry_what_the_evaluation_says")
def the_network_does_not_let_outputs_out(resources: Template) -> None:
    statement(resources, "S3Endpoint", "UseBucket")["Action"].remove("s3:PutObject")


@mutation("every_publisher_may_publish")
def the_budget_may_not_use_the_key(resources: Template) -> None:
    statement(resources, "Key", "EncryptNotifications")["Principal"]["Service"].pop()


@mutation("every_publisher_may_publish")
def the_topic_takes_nothing_from_events(resources: Template) -> None:
    statements(resources, "TopicPolicy").remove(statement(resources, "TopicPolicy", "PublishEvents"))


@mutation("every_publisher_may_publish")
def the_key_is_used_for_any_topic(resources: Template) -> None:
    del statement(resources, "Key", "EncryptNotifications")["Condition"]


@mutation("what_a_rule_starts_a_pipeline_with_is_a_parameter_of_it")
def an_upload_gives_what_the_pipeline_does_not_have(resources: Template) -> None:
    given = of(resources, "UploadRule")["Targets"][0]["SageMakerPipelineParameters"]["PipelineParameterList"]
    given[0]["Name"] = "InputDataURI"


@mutation("what_a_rule_starts_a_pipeline_with_is_a_parameter_of_it")
def an_upload_also_runs_on_folders_that_begin_so(resources: Template) -> None:
    given = of(resources, "UploadRule")["Targets"][0]["SageMakerPipelineParameters"]["PipelineParameterList"]
    given[0]["Value"] = {"Fn::Sub": "s3://${Bucket}/fashion-mnist/raw/${UploadFolder}"}


@mutation("nothing_is_forgotten_too_early_or_kept_too_long")
def checkpoints_go_after_a_day(resources: Template) -> None:
    of(resources, "Bucket")["LifecycleConfiguration"]["Rules"][0]["ExpirationInDays"] = 1


@mutation("nothing_is_forgotten_too_early_or_kept_too_long")
def old_versions_go_after_a_day(resources: Template) -> None:
    of(resources, "Bucket")["LifecycleConfiguration"]["Rules"][1]["NoncurrentVersionExpiration"] = {
        "NoncurrentDays": 1
    }


@mutation("nothing_is_forgotten_too_early_or_kept_too_long")
def logs_go_after_a_day(resources: Template) -> None:
    of(resources, "EndpointLogGroup")["RetentionInDays"] = 1


@mutation("nothing_is_forgotten_too_early_or_kept_too_long")
def images_go_after_a_day(resources: Template) -> None:
    lifecycle = of(resources, "Repository")["LifecyclePolicy"]
    lifecycle["LifecyclePolicyText"] = lifecycle["LifecyclePolicyText"].replace(
        '"countNumber": 14', '"countNumber": 1'
    )


@mutation("logs_go_where_the_log_bucket_lets_them")
def access_logs_go_where_nothing_lets_them(resources: Template) -> None:
    of(resources, "Bucket")["LoggingConfiguration"]["LogFilePrefix"] = "access/"


@mutation("logs_go_where_the_log_bucket_lets_them")
def flow_logs_are_of_what_was_refused_alone(resources: Template) -> None:
    of(resources, "FlowLog")["TrafficType"] = "REJECT"


@mutation("outputs_say_what_they_are_called")
def the_roles_of_jobs_are_swapped(resources: Template) -> None:
    resources["JobRole"], resources["EvaluationRole"] = resources["EvaluationRole"], resources["JobRole"]
    resources["Bucket"]["Properties"]["BucketName"] = {"Fn::Sub": "${Project}-data"}


@mutation("the_function_has_the_variables_that_it_reads_and_no_others")
def the_function_is_not_given_its_role(resources: Template) -> None:
    del of(resources, "DeployFunction")["Environment"]["Variables"]["ROLE"]


@mutation("the_function_has_the_variables_that_it_reads_and_no_others")
def the_function_runs_code_from_a_bucket(resources: Template) -> None:
    of(resources, "DeployFunction")["Code"] = {"S3Bucket": "theirs", "S3Key": "code.zip"}


@mutation("the_registry_is_there_under_the_name_that_is_told")
def the_registry_has_another_name(resources: Template) -> None:
    of(resources, "ModelPackageGroup")["ModelPackageGroupName"] = "another"


@mutation("roles_can_do_their_work_and_nothing_else")
def the_evaluation_writes_models(resources: Template) -> None:
    statement(resources, "EvaluationRole", "WriteEvaluation")["Resource"] = {
        "Fn::Sub": "${Bucket.Arn}/fashion-mnist/executions/*"
    }


@mutation("roles_can_do_their_work_and_nothing_else")
def jobs_write_code(resources: Template) -> None:
    statement(resources, "JobRole", "WriteOutputs")["Resource"].append(
        {"Fn::Sub": "${Bucket.Arn}/fashion-mnist/code/*"}
    )


@mutation("roles_can_do_their_work_and_nothing_else")
def jobs_write_to_any_log_group_that_begins_so(resources: Template) -> None:
    statement(resources, "ContainerPolicy", "WriteLogs")["Resource"] = {
        "Fn::Sub": "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:/aws/sagemaker/Tr*"
    }


@mutation("triggers_start_this_pipeline_with_their_own_role")
def the_schedule_is_never(resources: Template) -> None:
    of(resources, "ScheduleRule")["ScheduleExpression"] = "rate(7 years)"
