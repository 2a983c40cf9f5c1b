"""Where a template goes that is too large for a request: a bucket of its own, since the stack's is not there yet.

CloudFormation reads it from there with the credentials of whoever deploys. Objects go after a day by themselves;
`destroy` removes the bucket, unless somebody put something else there.
"""

from __future__ import annotations

import hashlib
import re

from botocore.exceptions import ClientError

from infra.aws import Aws
from infra.resolving import partition_of

LARGEST_INLINE = 51_200
"""Bytes of a template within a request (CloudFormation quotas); 1 MB from S3."""

# What a template is called: its digest.
_KEY = re.compile(r"[0-9a-f]{64}\.json")
MISSING = ("404", "NoSuchBucket", "NotFound")


def bucket_name(aws: Aws, stack: str) -> str:
    """The bucket's name; at most 63 characters, as S3 takes them."""
    name = f"{stack.lower()}-{aws.account}-{aws.region}-templates"
    if len(name) <= 63:
        return name
    return f"infra-{hashlib.sha256(name.encode()).hexdigest()[:16]}-{aws.account}-templates"


def send_template(aws: Aws, stack: str, template: str) -> dict[str, str]:
    """The argument of CloudFormation's operations that gives it the template: itself, or its address in S3.

    Raises:
        botocore.exceptions.ClientError: S3 refused, or somebody else has the bucket.
    """
    body = template.encode()
    if len(body) <= LARGEST_INLINE:
        return {"TemplateBody": template}
    bucket = bucket_name(aws, stack)
    _ensure_bucket(aws, bucket)
    key = f"{hashlib.sha256(body).hexdigest()}.json"
    aws.client("s3").put_object(
        Bucket=bucket, Key=key, Body=body, ContentType="application/json", ExpectedBucketOwner=aws.account
    )
    return {"TemplateURL": f"https://{bucket}.s3.{aws.region}.{partition_of(aws.region)[1]}/{key}"}


def remove_templates(aws: Aws, stack: str) -> int:
    """Deletes the templates, and the bucket unless other objects are in it; returns how many are."""
    s3, bucket = aws.client("s3"), bucket_name(aws, stack)
    if not _is_there(aws, bucket):
        return 0
    others = 0
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, ExpectedBucketOwner=aws.account):
        for each in page.get("Contents", []):
            if _KEY.fullmatch(each["Key"]):
                s3.delete_object(Bucket=bucket, Key=each["Key"], ExpectedBucketOwner=aws.account)
            else:
                others += 1
    if not others:
        s3.delete_bucket(Bucket=bucket, ExpectedBucketOwner=aws.account)
    return others


def _is_there(aws: Aws, bucket: str) -> bool:
    try:
        aws.client("s3").head_bucket(Bucket=bucket, ExpectedBucketOwner=aws.account)
    except ClientError as error:
        if error.response["Error"]["Code"] in MISSING:
            return False
        raise
    return True


def _ensure_bucket(aws: Aws, bucket: str) -> None:
    """Makes the bucket unless it is there: private, and forgetting after a day."""
    if _is_there(aws, bucket):
        return
    s3, owner = aws.client("s3"), aws.account
    place = (
        {} if aws.region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": aws.region}}
    )
    s3.create_bucket(Bucket=bucket, ObjectOwnership="BucketOwnerEnforced", **place)
    s3.put_public_access_block(
        Bucket=bucket,
        ExpectedBucketOwner=owner,
        PublicAccessBlockConfiguration=dict.fromkeys(
            ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True
        ),
    )
    s3.put_bucket_lifecycle_configuration(
        Bucket=bucket,
        ExpectedBucketOwner=owner,
        LifecycleConfiguration={
            "Rules": [
                {"ID": "forget", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}}
            ]
        },
    )
