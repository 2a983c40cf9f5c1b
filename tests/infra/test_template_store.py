"""How the template reaches CloudFormation: in the request, or through a bucket of its own."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from infra.aws import Aws
from infra.template_store import LARGEST_INLINE, bucket_name, remove_templates, send_template
from pipeline.local.state.isolation import dead_settings
from tests.infra.stubbed_account import StubbedAccount

ACCOUNT = "123456789012"
SMALL, LARGE = "x" * LARGEST_INLINE, "x" * (LARGEST_INLINE + 1)


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Any:
    for name, value in dead_settings().items():
        if name != "AWS_ENDPOINT_URL":
            monkeypatch.setenv(name, value)
    with mock_aws():
        yield boto3.client("s3", region_name="eu-north-1")


def aws(client: Any, region: str = "eu-north-1") -> Aws:
    return Aws(ACCOUNT, region, "an administrator", lambda service: client)


def test_a_small_template_goes_with_the_request(account: StubbedAccount) -> None:
    assert send_template(account.aws(), "fashion-mnist", SMALL) == {"TemplateBody": SMALL}


def test_the_size_is_that_of_the_bytes(s3: Any) -> None:
    assert "TemplateURL" in send_template(aws(s3), "fashion-mnist", "é" * (LARGEST_INLINE // 2 + 1))


def test_a_large_one_goes_through_a_private_bucket_that_forgets_it(s3: Any) -> None:
    bucket = f"fashion-mnist-{ACCOUNT}-eu-north-1-templates"
    for _ in range(2):
        (url,) = send_template(aws(s3), "fashion-mnist", LARGE).values()
    beginning, key = url.rsplit("/", 1)
    assert beginning == f"https://{bucket}.s3.eu-north-1.amazonaws.com"
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode() == LARGE
    assert s3.get_bucket_location(Bucket=bucket)["LocationConstraint"] == "eu-north-1"
    block = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    assert set(block.values()) == {True}
    (rule,) = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    assert (rule["Status"], rule["Expiration"]) == ("Enabled", {"Days": 1})
    assert [remove_templates(aws(s3), "fashion-mnist") for _ in range(2)] == [0, 0]
    assert s3.list_buckets()["Buckets"] == []


def test_what_somebody_else_put_into_the_bucket_stays_with_it(s3: Any) -> None:
    bucket = f"fashion-mnist-{ACCOUNT}-eu-north-1-templates"
    send_template(aws(s3), "fashion-mnist", LARGE)
    for key in ("notes.txt", f"mine/{'0' * 64}.json", f"{'0' * 64}.json.bak"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"somebody's")
    assert remove_templates(aws(s3), "fashion-mnist") == 3
    left = {each["Key"] for each in s3.list_objects_v2(Bucket=bucket)["Contents"]}
    assert left == {"notes.txt", f"mine/{'0' * 64}.json", f"{'0' * 64}.json.bak"}


def test_a_bucket_of_that_name_that_somebody_else_has_is_not_written_to(account: StubbedAccount) -> None:
    account.fails("s3", "head_bucket", "403", "Forbidden")
    with pytest.raises(ClientError, match="403"):
        send_template(account.aws(), "fashion-mnist", LARGE)


def test_the_buckets_name_fits_and_is_one_for_each_stack() -> None:
    long = "a-very-long-name-of-a-stack-that-somebody-chose"
    names = {bucket_name(aws(None, "ap-southeast-3"), name) for name in ("fashion-mnist", long, f"{long}-2")}
    assert len(names) == 3
    assert all(len(name) <= 63 and name == name.lower() for name in names)
