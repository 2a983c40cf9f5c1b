"""Regressions of the key, the logs, the topic and the image repository."""

from __future__ import annotations

from infra.template import Template
from tests.infra.regressions.mutation import (
    drop_statement,
    mutation,
    of,
    statement,
)


@mutation("the_key_rotates_and_is_hard_to_lose")
def key_rotation_is_off(resources: Template) -> None:
    of(resources, "Key")["EnableKeyRotation"] = False


@mutation("the_key_rotates_and_is_hard_to_lose")
def the_key_is_gone_within_a_week(resources: Template) -> None:
    of(resources, "Key")["PendingWindowInDays"] = 7


@mutation("resources_let_nobody_in_but_services_and_the_accounts_administrators")
def everybody_may_use_the_key(resources: Template) -> None:
    statement(resources, "Key", "AdministerThroughIam")["Principal"] = {"AWS": "*"}


@mutation("services_act_for_this_account_only")
def the_key_serves_every_topic(resources: Template) -> None:
    del statement(resources, "Key", "EncryptNotifications")["Condition"]


@mutation("services_act_for_this_account_only")
def the_key_serves_every_accounts_logs(resources: Template) -> None:
    condition = statement(resources, "Key", "EncryptLogs")["Condition"]["StringLike"]
    condition["kms:EncryptionContext:aws:logs:arn"].append("*")


@mutation("logs_are_encrypted_and_kept_for_a_time")
def the_key_does_not_know_the_functions_logs(resources: Template) -> None:
    condition = statement(resources, "Key", "EncryptLogs")["Condition"]["StringLike"]
    condition["kms:EncryptionContext:aws:logs:arn"].pop()


@mutation("logs_are_encrypted_and_kept_for_a_time")
def log_retention_is_removed(resources: Template) -> None:
    del of(resources, "TrainingLogGroup")["RetentionInDays"]


@mutation("logs_are_encrypted_and_kept_for_a_time")
def logs_are_not_encrypted(resources: Template) -> None:
    del of(resources, "EndpointLogGroup")["KmsKeyId"]


@mutation("logs_are_encrypted_and_kept_for_a_time")
def everybodys_logs_need_the_stacks_key(resources: Template) -> None:
    of(resources, "ProcessingLogGroup")["KmsKeyId"] = {"Fn::GetAtt": ["Key", "Arn"]}


@mutation("logs_are_encrypted_and_kept_for_a_time")
def everybodys_logs_go_with_the_stack(resources: Template) -> None:
    resources["TrainingLogGroup"]["DeletionPolicy"] = "Delete"


@mutation("the_topic_is_encrypted")
def the_topics_key_is_removed(resources: Template) -> None:
    del of(resources, "Topic")["KmsMasterKeyId"]


@mutation("the_topic_is_encrypted")
def publishers_may_not_use_the_key(resources: Template) -> None:
    drop_statement(resources, "Key", "EncryptNotifications")


@mutation("buckets_and_topic_refuse_what_is_not_encrypted_on_its_way")
def the_topics_tls_deny_is_removed(resources: Template) -> None:
    drop_statement(resources, "TopicPolicy", "DenyWithoutTls")


@mutation("services_act_for_this_account_only")
def any_accounts_budget_publishes(resources: Template) -> None:
    del statement(resources, "TopicPolicy", "PublishBudget")["Condition"]


@mutation("services_act_for_this_account_only")
def event_rules_do_more_than_publish(resources: Template) -> None:
    statement(resources, "TopicPolicy", "PublishEvents")["Action"] = ["sns:Publish", "sns:Subscribe"]


@mutation("images_are_immutable_scanned_and_encrypted")
def image_tags_can_be_moved(resources: Template) -> None:
    of(resources, "Repository")["ImageTagMutability"] = "MUTABLE"


@mutation("images_are_immutable_scanned_and_encrypted")
def images_are_not_scanned(resources: Template) -> None:
    of(resources, "Repository")["ImageScanningConfiguration"]["ScanOnPush"] = False
