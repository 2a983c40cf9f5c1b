"""Addresses of S3 in each form that SageMaker takes."""

import pytest

from pipeline.spec.s3_address import as_s3


@pytest.mark.parametrize(
    "address",
    [
        "s3://bkt-one/a/b.tar.gz",
        "https://bkt-one.s3.amazonaws.com/a/b.tar.gz",
        "https://bkt-one.s3.eu-west-1.amazonaws.com/a/b.tar.gz",
        "https://bkt-one.s3-eu-west-1.amazonaws.com/a/b.tar.gz",
        "https://bkt-one.s3.dualstack.eu-west-1.amazonaws.com/a/b.tar.gz",
        "https://bkt-one.s3.cn-north-1.amazonaws.com.cn/a/b.tar.gz",
        "https://s3.eu-west-1.amazonaws.com/bkt-one/a/b.tar.gz",
        "https://s3-eu-west-1.amazonaws.com/bkt-one/a/b.tar.gz",
        "https://s3.amazonaws.com/bkt-one/a/b.tar.gz",
    ],
)
def test_each_form_names_the_same_object(address: str) -> None:
    assert as_s3(address) == "s3://bkt-one/a/b.tar.gz"


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("https://my.bucket.s3.eu-west-1.amazonaws.com/k", "s3://my.bucket/k"),
        ("https://s3.amazonaws.com/bkt-one", "s3://bkt-one/"),
        ("https://bkt-one.s3.amazonaws.com", "s3://bkt-one/"),
        ("https://bkt-one.s3.amazonaws.com/a%20b", "s3://bkt-one/a b"),
        ("https://example.org/bkt-one/k", "https://example.org/bkt-one/k"),
        ("https://s3.example.org/bkt-one/k", "https://s3.example.org/bkt-one/k"),
        ("file:///tmp/x", "file:///tmp/x"),
        ("", ""),
    ],
)
def test_other_addresses_stay(address: str, expected: str) -> None:
    assert as_s3(address) == expected
