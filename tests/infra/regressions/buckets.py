"""Regressions of the two buckets and their policies."""

from __future__ import annotations

from infra.template import Template
from tests.infra.regressions.mutation import (
    drop_statement,
    mutation,
    of,
    statement,
    statements,
)


@mutation("buckets_and_topic_refuse_what_is_not_encrypted_on_its_way")
def the_buckets_tls_deny_is_removed(resources: Template) -> None:
    drop_statement(resources, "BucketPolicy", "DenyWithoutTls")


@mutation("buckets_and_topic_refuse_what_is_not_encrypted_on_its_way")
def the_tls_deny_covers_objects_only(resources: Template) -> None:
    statement(resources, "BucketPolicy", "DenyWithoutTls")["Resource"] = {"Fn::Sub": "${Bucket.Arn}/*"}


@mutation("buckets_and_topic_refuse_what_is_not_encrypted_on_its_way")
def the_tls_deny_asks_for_the_opposite(resources: Template) -> None:
    statement(resources, "BucketPolicy", "DenyWithoutTls")["Condition"] = {
        "Bool": {"aws:SecureTransport": "true"}
    }


@mutation("buckets_and_topic_refuse_what_is_not_encrypted_on_its_way")
def the_log_buckets_tls_deny_is_removed(resources: Template) -> None:
    drop_statement(resources, "LogBucketPolicy", "DenyWithoutTls")


@mutation("buckets_and_topic_refuse_what_is_not_encrypted_on_its_way")
def old_tls_is_accepted(resources: Template) -> None:
    drop_statement(resources, "BucketPolicy", "DenyOldTls")


@mutation("buckets_and_topic_refuse_what_is_not_encrypted_on_its_way")
def the_bucket_policy_is_removed(resources: Template) -> None:
    del resources["BucketPolicy"]


@mutation("the_bucket_is_encrypted_with_the_projects_key")
def the_buckets_encryption_is_removed(resources: Template) -> None:
    del of(resources, "Bucket")["BucketEncryption"]


@mutation("the_bucket_is_encrypted_with_the_projects_key")
def the_bucket_is_encrypted_with_s3s_key(resources: Template) -> None:
    rule = of(resources, "Bucket")["BucketEncryption"]["ServerSideEncryptionConfiguration"][0]
    rule["ServerSideEncryptionByDefault"] = {"SSEAlgorithm": "AES256"}


@mutation("the_bucket_takes_no_other_encryption")
def other_encryption_is_accepted(resources: Template) -> None:
    drop_statement(resources, "BucketPolicy", "DenyOtherEncryption")


@mutation("the_bucket_takes_no_other_encryption")
def other_keys_are_accepted(resources: Template) -> None:
    drop_statement(resources, "BucketPolicy", "DenyOtherKeys")


@mutation("the_bucket_takes_no_other_encryption")
def uploads_that_name_no_encryption_are_refused(resources: Template) -> None:
    del statement(resources, "BucketPolicy", "DenyOtherEncryption")["Condition"]["Null"]


@mutation("nothing_public_can_be_made_of_a_bucket")
def public_policies_are_possible(resources: Template) -> None:
    of(resources, "Bucket")["PublicAccessBlockConfiguration"]["BlockPublicPolicy"] = False


@mutation("nothing_public_can_be_made_of_a_bucket")
def the_public_access_block_is_removed(resources: Template) -> None:
    del of(resources, "LogBucket")["PublicAccessBlockConfiguration"]


@mutation("nothing_public_can_be_made_of_a_bucket")
def access_control_lists_are_back(resources: Template) -> None:
    of(resources, "Bucket")["OwnershipControls"]["Rules"][0]["ObjectOwnership"] = "ObjectWriter"


@mutation("resources_let_nobody_in_but_services_and_the_accounts_administrators")
def everybody_may_read_the_bucket(resources: Template) -> None:
    public = {"Sid": "Read", "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "x"}
    statements(resources, "BucketPolicy").append(public)


@mutation("resources_let_nobody_in_but_services_and_the_accounts_administrators")
def another_account_may_read_the_bucket(resources: Template) -> None:
    other = {"AWS": "arn:aws:iam::444455556666:root"}
    read = {"Sid": "Read", "Effect": "Allow", "Principal": other, "Action": "s3:GetObject", "Resource": "x"}
    statements(resources, "BucketPolicy").append(read)


@mutation("buckets_keep_old_versions")
def versioning_is_off(resources: Template) -> None:
    of(resources, "Bucket")["VersioningConfiguration"]["Status"] = "Suspended"


@mutation("access_to_the_bucket_is_logged")
def access_logs_are_off(resources: Template) -> None:
    del of(resources, "Bucket")["LoggingConfiguration"]


@mutation("access_to_the_bucket_is_logged")
def access_logs_are_not_let_in(resources: Template) -> None:
    drop_statement(resources, "LogBucketPolicy", "WriteAccessLogs")


@mutation("services_act_for_this_account_only")
def any_accounts_bucket_may_log_here(resources: Template) -> None:
    del statement(resources, "LogBucketPolicy", "WriteAccessLogs")["Condition"]["StringEquals"]


@mutation("what_is_not_needed_is_deleted_in_time")
def the_lifecycle_is_removed(resources: Template) -> None:
    del of(resources, "Bucket")["LifecycleConfiguration"]


@mutation("what_is_not_needed_is_deleted_in_time")
def checkpoints_stay(resources: Template) -> None:
    of(resources, "Bucket")["LifecycleConfiguration"]["Rules"].pop(0)


@mutation("what_is_not_needed_is_deleted_in_time")
def a_rule_deletes_models_too(resources: Template) -> None:
    del of(resources, "Bucket")["LifecycleConfiguration"]["Rules"][0]["Prefix"]


@mutation("replacing_a_resource_with_data_keeps_the_old_one")
def a_replaced_bucket_is_deleted(resources: Template) -> None:
    resources["Bucket"]["UpdateReplacePolicy"] = "Delete"
