"""Objects in S3: reading a model artifact, leaving the evaluation. The only module that talks to S3."""

import hashlib
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError

from job_failure import JobError, while_doing

MAX_OBJECT_BYTES = 2 << 30  # the largest model of the study is a few megabytes


class S3Error(JobError):
    """S3 refused, failed, or holds no such object. The message names the URI."""


def split_uri(uri: str) -> tuple[str, str]:
    """The bucket and the key of `s3://bucket/key`.

    Raises:
        S3Error: it is not such a URI.
    """
    parts = urlsplit(uri, allow_fragments=False)
    key = parts.path.strip("/")
    if parts.scheme != "s3" or not parts.netloc or not key or parts.query:
        raise S3Error(f"An S3 URI must be s3://bucket/key, not {uri!r}.")
    return parts.netloc, key


def download(s3: Any, uri: str, path: Path, max_bytes: int = MAX_OBJECT_BYTES) -> str:
    """Copy the object at `uri` to the file `path`; return its SHA-256 (hexadecimal).

    Raises:
        S3Error: no such object, access denied, too large, or S3 kept failing.
        JobError: the file cannot be written.
    """
    bucket, key = split_uri(uri)
    with while_doing(f"write {path}"):
        try:
            size = s3.head_object(Bucket=bucket, Key=key)["ContentLength"]
            if size > max_bytes:
                raise S3Error(f"{uri} has {size} bytes, more than the {max_bytes} allowed.")
            s3.download_file(bucket, key, str(path))
        except (ClientError, BotoCoreError, Boto3Error) as error:
            raise S3Error(
                f"Could not download {uri}: {error}. Check that the step that writes it has succeeded, and "
                "the role's permissions."
            ) from error
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


def upload(s3: Any, content: bytes, uri: str, content_type: str) -> None:
    """Store `content` at `uri`.

    Raises:
        S3Error: access denied, no such bucket, or S3 kept failing.
    """
    bucket, key = split_uri(uri)
    try:
        s3.put_object(Bucket=bucket, Key=key, Body=content, ContentType=content_type)
    except (ClientError, BotoCoreError) as error:
        raise S3Error(
            f"Could not upload {uri}: {error}. Check the bucket and the role's permissions."
        ) from error


def list_keys(s3: Any, uri: str) -> list[str]:
    """The keys of all objects below the folder `uri`.

    Raises:
        S3Error: access denied, no such bucket, or S3 kept failing.
    """
    bucket, key = split_uri(uri)
    try:
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{key}/")
        return [str(each["Key"]) for page in pages for each in page.get("Contents", [])]
    except (ClientError, BotoCoreError) as error:
        raise S3Error(
            f"Could not list {uri}: {error}. Check the bucket's name and the role's permissions."
        ) from error


def read_object(s3: Any, uri: str, max_bytes: int = MAX_OBJECT_BYTES) -> bytes:
    """The content of the object at `uri`.

    Raises:
        S3Error: no such object, access denied, too large, or S3 kept failing.
    """
    bucket, key = split_uri(uri)
    try:
        found = s3.get_object(Bucket=bucket, Key=key)
        with found["Body"] as body:
            if found["ContentLength"] > max_bytes:
                raise S3Error(
                    f"Could not read {uri}: it has {found['ContentLength']} bytes, above {max_bytes}."
                )
            return bytes(body.read())
    except (ClientError, BotoCoreError) as error:
        raise S3Error(
            f"Could not read {uri}: {error}. Check that it is there, and the role's permissions."
        ) from error
