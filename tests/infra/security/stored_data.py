"""Data at rest: encrypted, versioned, logged, kept as long as needed."""

from __future__ import annotations

from typing import Any

from infra.resolving import ACCOUNT, REGION, ResolvedStack
from pipeline.targets.aws.iam_evaluator import Request, decide
from tests.infra.requests_of_roles import BUCKET, KEY
from tests.infra.security.properties import (
    TOPIC,
    Problems,
    must,
    resource_policies,
)


@must
def the_bucket_is_encrypted_with_the_projects_key(stack: ResolvedStack) -> Problems:
    rules = (
        stack.properties("Bucket").get("BucketEncryption", {}).get("ServerSideEncryptionConfiguration", [])
    )
    wanted = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY}
    if [rule.get("ServerSideEncryptionByDefault") for rule in rules] != [wanted]:
        yield f"the bucket's encryption is {rules}"


@must
def the_log_bucket_is_encrypted(stack: ResolvedStack) -> Problems:
    rules = (
        stack.properties("LogBucket").get("BucketEncryption", {}).get("ServerSideEncryptionConfiguration", [])
    )
    if [rule.get("ServerSideEncryptionByDefault") for rule in rules] != [{"SSEAlgorithm": "AES256"}]:
        yield f"the log bucket's encryption is {rules}"


@must
def nothing_public_can_be_made_of_a_bucket(stack: ResolvedStack) -> Problems:
    flags = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
    for name, properties in stack.of_type("AWS::S3::Bucket").items():
        block = properties.get("PublicAccessBlockConfiguration", {})
        yield from (f"{name} does not set {flag}" for flag in flags if block.get(flag) is not True)
        if properties.get("OwnershipControls") != {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}:
            yield f"{name} has access control lists"


@must
def buckets_keep_old_versions(stack: ResolvedStack) -> Problems:
    for name, properties in stack.of_type("AWS::S3::Bucket").items():
        if properties.get("VersioningConfiguration") != {"Status": "Enabled"}:
            yield f"{name} is not versioned"


@must
def access_to_the_bucket_is_logged(stack: ResolvedStack) -> Problems:
    logging = stack.properties("Bucket").get("LoggingConfiguration", {})
    if logging.get("DestinationBucketName") != f"{BUCKET.rpartition(':')[2]}-logs":
        yield f"the bucket logs to {logging}"
    writes = Request("s3:PutObject", f"{BUCKET}-logs/s3/x", principal="logging.s3.amazonaws.com")
    context = {"aws:SourceAccount": ACCOUNT, "aws:SourceArn": BUCKET, "aws:SecureTransport": "true"}
    statements = dict(resource_policies(stack)).get("LogBucketPolicy", [])
    if decide(statements, Request(writes.action, writes.resource, context, writes.principal)) != "allowed":
        yield "the log bucket does not let access logs in"


@must
def what_is_not_needed_is_deleted_in_time(stack: ResolvedStack) -> Problems:
    def rules(name: str) -> list[dict[str, Any]]:
        found = stack.properties(name).get("LifecycleConfiguration", {}).get("Rules", [])
        return [rule for rule in found if rule.get("Status") == "Enabled"]

    forgotten = []
    for what in ("checkpoints", "captured", "batch"):
        found = [rule for rule in rules("Bucket") if rule.get("Prefix") == f"fashion-mnist/{what}/"]
        if not any(1 <= int(rule.get("ExpirationInDays", 0)) <= 90 for rule in found):
            yield f"{what} stay forever"
        forgotten += found
    if any("ExpirationInDays" in rule for rule in rules("Bucket") if rule not in forgotten):
        yield "data or models are deleted by age"
    for name in ("Bucket", "LogBucket"):
        if not any("NoncurrentVersionExpiration" in rule and "Prefix" not in rule for rule in rules(name)):
            yield f"old versions in {name} stay forever"
        if not any("AbortIncompleteMultipartUpload" in rule for rule in rules(name)):
            yield f"unfinished uploads to {name} stay forever"
    if not any("ExpirationInDays" in rule for rule in rules("LogBucket")):
        yield "access logs stay forever"


@must
def the_key_rotates_and_is_hard_to_lose(stack: ResolvedStack) -> Problems:
    properties = stack.properties("Key")
    if properties.get("EnableKeyRotation") is not True:
        yield "the key does not rotate"
    if int(properties.get("PendingWindowInDays", 0)) < 30:
        yield "the key can be gone in less than 30 days"


@must
def replacing_a_resource_with_data_keeps_the_old_one(stack: ResolvedStack) -> Problems:
    kinds = (
        "S3::Bucket", "KMS::Key", "SageMaker::ModelPackageGroup", "SageMaker::MlflowApp", "Logs::LogGroup",
        "ECR::Repository",
    )  # fmt: skip
    for name, resource in stack.resources.items():
        if (
            resource["Type"].removeprefix("AWS::") in kinds
            and resource.get("UpdateReplacePolicy") != "Retain"
        ):
            yield f"{name} is deleted when it is replaced"


@must
def logs_are_encrypted_and_kept_for_a_time(stack: ResolvedStack) -> Problems:
    groups = stack.of_type("AWS::Logs::LogGroup")
    jobs = {"/aws/sagemaker/TrainingJobs", "/aws/sagemaker/ProcessingJobs"}
    wanted = {*jobs, "/aws/sagemaker/Endpoints/fashion-mnist", "/aws/lambda/fashion-mnist-deploy"}
    if {group["LogGroupName"] for group in groups.values()} != wanted:
        yield f"the log groups are {sorted(groups)}"
    for name, group in groups.items():
        if int(group.get("RetentionInDays", 0)) < 1:
            yield f"{name} is kept forever"
        if group["LogGroupName"] in jobs:
            # Every job of the account writes there: neither their logs nor the key to them may go with the stack.
            if "KmsKeyId" in group:
                yield f"{name} cannot be read any more once the stack's key is deleted"
            if stack.resources[name].get("DeletionPolicy") != "Retain":
                yield f"{name} is deleted with the stack"
            continue
        if group.get("KmsKeyId") != KEY:
            yield f"{name} is not encrypted with the key"
        arn = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group['LogGroupName']}"
        encrypt = Request(
            "kms:GenerateDataKey",
            "*",
            {"kms:EncryptionContext:aws:logs:arn": arn},
            f"logs.{REGION}.amazonaws.com",
        )
        if decide(dict(resource_policies(stack))["Key"], encrypt) != "allowed":
            yield f"{name} cannot be encrypted: the key does not know it"


@must
def the_topic_is_encrypted(stack: ResolvedStack) -> Problems:
    if stack.properties("Topic").get("KmsMasterKeyId") != KEY:
        yield "the topic is not encrypted with the key"
    for service in ("events.amazonaws.com", "budgets.amazonaws.com"):
        request = Request(
            "kms:GenerateDataKey", "*", {"kms:EncryptionContext:aws:sns:topicArn": TOPIC}, service
        )
        if decide(dict(resource_policies(stack))["Key"], request) != "allowed":
            yield f"{service} cannot encrypt what it publishes"


@must
def images_are_immutable_scanned_and_encrypted(stack: ResolvedStack) -> Problems:
    for name, properties in stack.of_type("AWS::ECR::Repository").items():
        if properties.get("ImageTagMutability") != "IMMUTABLE":
            yield f"tags of {name} can be moved"
        if properties.get("ImageScanningConfiguration") != {"ScanOnPush": True}:
            yield f"images in {name} are not scanned"
        if properties.get("EncryptionConfiguration") != {"EncryptionType": "KMS", "KmsKey": KEY}:
            yield f"{name} is not encrypted with the key"
