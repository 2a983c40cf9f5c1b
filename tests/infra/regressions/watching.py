"""Regressions of what tells people, and of who may change an endpoint."""

from __future__ import annotations

from infra.template import Template
from tests.infra.regressions.mutation import drop_statement, mutation, of, statement


@mutation("models_are_shared_with_whom_it_is_asked_for_and_nothing_else_is")
def a_reader_of_models_reads_the_data_too(resources: Template) -> None:
    statement(resources, "BucketPolicy", "LetReaderReadModels")["Resource"] = {"Fn::Sub": "${Bucket.Arn}/*"}


@mutation("the_dashboard_shows_this_projects_metrics_and_every_alarm")
def the_dashboard_forgets_an_alarm(resources: Template) -> None:
    body = of(resources, "Dashboard")["DashboardBody"]
    body["Fn::Sub"] = body["Fn::Sub"].replace("${Project}-endpoint-latency", "${Project}-endpoint-4xx")


@mutation("the_dashboard_shows_this_projects_metrics_and_every_alarm")
def the_dashboard_shows_another_projects_endpoint(resources: Template) -> None:
    body = of(resources, "Dashboard")["DashboardBody"]
    body["Fn::Sub"] = body["Fn::Sub"].replace('"EndpointName", "${Project}"', '"EndpointName", "another"')


@mutation("nothing_that_an_event_starts_or_tells_is_lost_in_silence")
def a_start_that_fails_is_lost(resources: Template) -> None:
    del of(resources, "ScheduleRule")["Targets"][0]["DeadLetterConfig"]


@mutation("nothing_that_an_event_starts_or_tells_is_lost_in_silence")
def a_start_is_tried_once(resources: Template) -> None:
    of(resources, "UploadRule")["Targets"][0]["RetryPolicy"]["MaximumRetryAttempts"] = 0


@mutation("nothing_that_an_event_starts_or_tells_is_lost_in_silence")
def a_rule_may_not_write_to_the_queue(resources: Template) -> None:
    allowed = statement(resources, "UndeliveredPolicy", "TakeUndelivered")
    allowed["Condition"]["ArnEquals"]["aws:SourceArn"].pop()


@mutation("services_act_for_this_account_only")
def any_accounts_rules_fill_the_queue(resources: Template) -> None:
    statement(resources, "UndeliveredPolicy", "TakeUndelivered")["Condition"] = {
        "ArnLike": {"aws:SourceArn": "arn:aws:events:us-east-1:444455556666:rule/fashion-mnist-schedule"}
    }


@mutation("alarms_go_off_and_tell")
def an_alarm_tells_nobody(resources: Template) -> None:
    of(resources, "Endpoint5xxAlarm")["AlarmActions"] = []


@mutation("alarms_go_off_and_tell")
def an_alarm_watches_another_endpoint(resources: Template) -> None:
    of(resources, "EndpointLatencyAlarm")["Dimensions"][0]["Value"] = "another"


@mutation("alarms_go_off_and_tell")
def alarms_may_not_publish(resources: Template) -> None:
    drop_statement(resources, "TopicPolicy", "PublishAlarms")


@mutation("alarms_go_off_and_tell")
def an_alarm_is_removed(resources: Template) -> None:
    del resources["UndeliveredAlarm"]


@mutation("people_hear_of_failures_and_models")
def an_endpoint_that_fails_later_is_told_to_nobody(resources: Template) -> None:
    del resources["EndpointStateRule"]


@mutation("money_is_watched")
def the_budget_is_of_another_service(resources: Template) -> None:
    of(resources, "Budget")["Budget"]["CostFilters"] = {"Service": ["Amazon Route 53"]}


@mutation("money_is_watched")
def the_budget_is_a_constant(resources: Template) -> None:
    of(resources, "Budget")["Budget"]["BudgetLimit"]["Amount"] = 50


@mutation("roles_can_do_their_work_and_nothing_else")
def endpoints_of_others_can_be_deleted(resources: Template) -> None:
    del statement(resources, "ServePolicy", "ChangeEndpoints")["Condition"]


@mutation("roles_can_do_their_work_and_nothing_else")
def scaling_of_others_can_be_ended(resources: Template) -> None:
    del statement(resources, "ScalePolicy", "ChangeScaling")["Condition"]["StringEquals"][
        "aws:ResourceTag/Project"
    ]


@mutation("roles_can_do_their_work_and_nothing_else")
def tables_can_be_scaled(resources: Template) -> None:
    equals = statement(resources, "ScalePolicy", "BeginScaling")["Condition"]["StringEquals"]
    del equals["application-autoscaling:service-namespace"]
    del equals["application-autoscaling:scalable-dimension"]


@mutation("roles_can_do_their_work_and_nothing_else")
def any_service_gets_its_role_made(resources: Template) -> None:
    del statement(resources, "ScalePolicy", "MakeRoleOfScaling")["Condition"]


@mutation("the_bucket_takes_no_other_encryption")
def kms_without_a_key_is_accepted(resources: Template) -> None:
    drop_statement(resources, "BucketPolicy", "DenyUnnamedKeys")


@mutation("the_bucket_takes_no_other_encryption")
def checkpoints_without_a_key_are_refused(resources: Template) -> None:
    statement(resources, "BucketPolicy", "DenyUnnamedKeys")["Resource"] = {"Fn::Sub": "${Bucket.Arn}/*"}
