"""Finds the stored objects that a job's request or a parameter names in passing, and makes them readable."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress

from botocore.exceptions import ClientError

from pipeline.errors import StateError
from pipeline.local.channels import s3_errors
from pipeline.local.definition import Json
from pipeline.local.service import LocalAws

_PACKAGE_ARN = re.compile(r"arn:aws[a-z-]*:sagemaker:[a-z0-9-]+:\d{12}:model-package/[^\s,;=]+/\d+")
_S3_URI = re.compile(r"s3://[^\s,;\"']+")


def restore_named_objects(aws: LocalAws, *values: Json) -> None:
    """Put the objects at S3 URIs anywhere in `values`, and the files of model packages named there, back into S3.

    What is below an input or was written in this run is there anyway; an earlier run's objects wait on disk. A
    package that the registry does not have, or whose files cannot be read any more, is left to the job that names
    it, as on SageMaker: an evaluation reports such a champion and goes on.

    Raises:
        StateError: a stored object that `values` themselves name is missing or damaged on disk.
        StepFailed: the registry fails.
    """
    texts = list(_texts(values))
    for uri in _uris(texts):
        aws.restore_objects(uri)
    for arn in sorted({arn for text in texts for arn in _PACKAGE_ARN.findall(text)}):
        for uri in _uris(_texts(_described(aws, arn))):
            with suppress(StateError):
                aws.restore_objects(uri)


def _described(aws: LocalAws, arn: str) -> Json:
    """The package, or nothing if the registry does not have it."""
    with s3_errors(f"Looking up the model package {arn}"):
        try:
            return aws.client("sagemaker").describe_model_package(ModelPackageName=arn)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ValidationException":
                raise
            return {}


def _uris(texts: Iterable[str]) -> list[str]:
    return sorted({uri for text in texts for uri in _S3_URI.findall(text)})


def _texts(value: Json) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _texts(item)
