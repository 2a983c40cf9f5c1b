"""Checks, before the SDK fetches it for a container, that code in the local S3 is what its address says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.code_address import check_code, digest_in
from pipeline.local.state.objects import split_uri


def check_requested_code(s3: Any, request: Mapping[str, Any]) -> None:
    """Check the code among the inputs of a CreateTrainingJob or CreateProcessingJob request.

    Raises:
        StepFailed: it was changed in the bucket (see code_address.check_code).
    """
    sources = [channel["DataSource"]["S3DataSource"] for channel in request.get("InputDataConfig") or ()]
    sources += [item["S3Input"] for item in request.get("ProcessingInputs") or ()]
    for source in sources:
        if digest_in(source["S3Uri"]) is not None:
            check_code(source["S3Uri"], _files(s3, *split_uri(source["S3Uri"])))


def _files(s3: Any, bucket: str, prefix: str) -> Iterator[tuple[str, bytes]]:
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for item in page.get("Contents", ()):
            yield item["Key"][len(prefix) :], s3.get_object(Bucket=bucket, Key=item["Key"])["Body"].read()
