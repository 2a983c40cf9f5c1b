from collections.abc import Callable
from typing import Any

import pytest

KEY = "1234abcd-12ab-34cd-56ef-1234567890ab"
INPUT = "Prepare.Arguments.ProcessingInputs[1].S3Input.S3Uri"
WORDS = "Prepare.Arguments.AppSpecification.ContainerArguments"
OUTPUT_KEY = "Train.Arguments.OutputDataConfig.KmsKeyId"
CLUSTER = "Prepare.Arguments.ProcessingResources.ClusterConfig"
TAGS = "Train.Arguments.Tags"

CASES: list[tuple[Any, ...]] = [
    *(
        ("s3-uris-are-well-formed", {INPUT: "s3://a.b-c9"}, {INPUT: uri}, "")
        for uri in (
            "https://s3.amazonaws.com/a-bucket/raw",
            "/home/me/data",
            "s3:/a-bucket/raw",
            "s3://A_Bucket/raw",
            "s3://ab/raw",
            "s3://a..bucket/raw",
            "s3://192.168.0.1/raw",
            "s3://xn--bucket/raw",
        )
    ),
    ("s3-keys-have-no-empty-parts", {INPUT: "s3://a-bucket/raw/"}, {INPUT: "s3://a-bucket//raw"}, ""),
    ("s3-keys-have-no-empty-parts", {}, {INPUT: "s3://a-bucket/raw//images"}, ""),
    (
        "s3-keys-have-no-empty-parts",
        {f"{WORDS}[+]": "--arn=arn:aws:s3:::a-bucket//b"},
        {f"{WORDS}[+]": "--model=s3://a-bucket/a//b"},
        f"{WORDS}[3]",
    ),
    (
        "s3-keys-have-no-empty-parts",
        {"Parameters[1].DefaultValue": "s3://a-bucket/raw/"},
        {INPUT: {"Std:Join": {"On": "/", "Values": [{"Get": "Parameters.InputDataUri"}, "images/"]}}},
        "",
    ),
    *(
        ("kms-keys-are-well-formed", {OUTPUT_KEY: right}, {OUTPUT_KEY: wrong}, "")
        for right, wrong in (
            (KEY, KEY[:-1]),
            ("alias/jobs", "jobs"),
            (f"arn:aws:kms:us-west-2:111122223333:key/{KEY}", f"arn:aws:kms:us-west-2:key/{KEY}"),
            ("arn:aws:kms:us-west-2:111122223333:alias/jobs", ""),
            ("mrk-1234abcd12ab34cd56ef1234567890ab", "mrk-1234"),
        )
    ),
    *(
        (
            "volume-key-needs-a-volume",
            {f"{CLUSTER}.VolumeKmsKeyId": KEY},
            {f"{CLUSTER}.InstanceType": instance},
            f"{CLUSTER}.VolumeKmsKeyId",
        )
        for instance in ("ml.g5.xlarge", "ml.g4dn.xlarge", "ml.r5d.large")
    ),
    (
        "volume-key-needs-a-volume",
        {"Parameters[3].DefaultValue": "local", "Train.Arguments.ResourceConfig.VolumeKmsKeyId": KEY},
        {"Parameters[3].DefaultValue": "ml.g5.xlarge"},
        "Train.Arguments.ResourceConfig.VolumeKmsKeyId",
    ),
    *(
        (
            "tags-are-unique",
            {TAGS: [{"Key": "team", "Value": "a"}, {"Key": "stage", "Value": ""}]},
            {f"{TAGS}[1].Key": key},
            "",
        )
        for key in ("team", "aws:team")
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0])
def test_a_rule_reports_the_change_that_breaks_it(breaks: Callable[..., None], case: tuple[Any, ...]) -> None:
    breaks(*case)
