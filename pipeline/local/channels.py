"""Copies between S3 and a job's folder: its input before it starts, its output after it succeeded."""

from __future__ import annotations

import contextlib
import errno
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from pipeline.errors import StepFailed
from pipeline.local.definition import Json
from pipeline.local.object_body import DamagedError, body_of, read_whole
from pipeline.local.objects import split_uri
from pipeline.local.runner import StepStopped

# What to do about an S3 object that nothing here wrote; format it with the `uri`.
UPLOAD_HINT = (
    "Nothing is fetched from outside: put your copy there with run --definition … --upload PATH={uri}, or correct "
    "the definition."
)


@contextlib.contextmanager
def s3_errors(doing: str) -> Iterator[None]:
    """Turns what boto3 and the file system raise into StepFailed, naming what was being done."""
    try:
        yield
    except (ClientError, BotoCoreError, DamagedError) as error:
        raise StepFailed(f"{doing}: the local S3 failed: {error}. Run the pipeline again.") from error
    except OSError as error:
        raise StepFailed(
            f"{doing}: {error}. Free or grant what is missing and run the pipeline again."
        ) from error


def download(
    s3: Any,
    uri: str,
    folder: Path,
    *,
    stop: threading.Event,
    warn: Callable[[str], None] = lambda line: None,
    required: bool = True,
    shard: tuple[int, int] = (0, 1),
    leave_out: Callable[[str], None] | None = None,
) -> int:
    """Copy the object, or all objects below the prefix, at `uri` into `folder`; returns their total bytes.

    As in SageMaker an object lands under its key relative to the prefix, or its name if the URI is its whole key.
    SageMaker also takes keys that go on without a slash (`train` takes `training/x`): those are left out, with a
    warning, because such a definition means something else than it says. Nothing at all is an error if `required`.

    `shard` is ShardedByS3Key: (1, 3) copies the second, the fifth, … of the objects in the order of their keys.
    SageMaker promises about 1/n of the objects to each of n instances, not which.

    With `leave_out`, an object whose key can be no file here is left out and told to it: a job can do
    without it.

    Raises:
        StepFailed: nothing is there, S3 fails, the copy differs from the original, or the disk is full.
        StepStopped: `stop` was set.
    """
    bucket, prefix = split_uri(uri)
    total = 0
    with s3_errors(f"Copying {uri} into the job's folder"):
        found, files = False, 0
        rank, hosts = shard
        for item in _objects(s3, bucket, prefix):
            key = item["Key"]
            relative = _relative(key, prefix)
            if relative is None:
                warn(
                    f"{uri} also matches s3://{bucket}/{key} in SageMaker; it is left out here: end the URI with /"
                )
                continue
            found = True
            if key.endswith("/"):
                continue  # A console's marker of an empty folder.
            if leave_out is not None and (why := _unusable(folder / relative, relative)):
                leave_out(f"s3://{bucket}/{key}: {why}")
                continue
            if ".." in PurePosixPath(relative).parts:
                raise StepFailed(
                    f"Copying {uri} into the job's folder: expected keys without “..”. Received: {key!r}. "
                    "Remove that object."
                )
            if files % hosts == rank:
                total += _download_object(s3, bucket, item, folder / relative, stop)
            files += 1
    if required and not found:
        raise StepFailed(
            f"Copying {uri} into the job's folder: expected at least one object there in the local S3. Received: "
            f"none. If a step should have written it, look at its log. {UPLOAD_HINT.format(uri=uri)}"
        )
    return total


def exists(s3: Any, uri: str) -> bool:
    """Whether there is an object at `uri`, or below it."""
    bucket, prefix = split_uri(uri)
    return any(_relative(item["Key"], prefix) is not None for item in _objects(s3, bucket, prefix))


def upload(s3: Any, folder: Path, uri: str, *, stop: threading.Event) -> int:
    """Copy every file of `folder` to S3 under the prefix `uri`; returns how many. Links to files count as files."""
    count = 0
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            upload_file(s3, path, f"{uri.rstrip('/')}/{path.relative_to(folder).as_posix()}", stop=stop)
            count += 1
    return count


def upload_file(s3: Any, path: Path, uri: str, *, stop: threading.Event) -> None:
    """Copy one file to the object at `uri`.

    Raises:
        StepFailed: S3 fails, or the file cannot be read.
        StepStopped: `stop` was set.
    """
    if stop.is_set():
        raise StepStopped
    bucket, key = split_uri(uri)
    with s3_errors(f"Copying {path.name} of the job to {uri}"), path.open("rb") as file:
        s3.put_object(Bucket=bucket, Key=key, Body=file)


def read_json(s3: Any, uri: str) -> Json:
    """The JSON document at `uri`.

    Raises:
        StepFailed: it is missing or not JSON.
    """
    bucket, key = split_uri(uri)
    with s3_errors(f"Reading {uri}"):
        try:
            text = read_whole(lambda: b"".join(body_of(s3, bucket, key)))
        except ClientError as error:
            if not _is_missing(error):
                raise
            raise StepFailed(
                f"Reading {uri}: expected a JSON document there in the local S3. Received: none. If a step should "
                f"have written it, look at its log. {UPLOAD_HINT.format(uri=uri)}"
            ) from None
    try:
        return json.loads(text)
    except ValueError as error:
        raise StepFailed(
            f"Reading {uri}: expected a JSON document. Received: {error}. Correct what the step writes."
        ) from error


def _objects(s3: Any, bucket: str, prefix: str) -> Iterator[dict[str, Any]]:
    """What is listed under a prefix; nothing when there is no such bucket."""
    try:
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            yield from page.get("Contents", ())
    except ClientError as error:
        if not _is_missing(error):
            raise


def _is_missing(error: ClientError) -> bool:
    return error.response["Error"]["Code"] in ("NoSuchBucket", "NoSuchKey")


def _relative(key: str, prefix: str) -> str | None:
    """Where the object `key` lies below `prefix`: its name if that is its whole key; None if it is not below it."""
    if key == prefix:
        return PurePosixPath(key).name
    if prefix.endswith("/") or not prefix or key[len(prefix)] == "/":
        return key[len(prefix) :].lstrip("/")
    return None


def _unusable(target: Path, relative: str) -> str | None:
    """Why no file can be written at `target`; None when one can."""
    if ".." in PurePosixPath(relative).parts:
        return "its key has “..”"
    try:
        if target.is_dir():
            return "its key is also the beginning of another's"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.lstat()
    except FileNotFoundError:
        return None
    except (NotADirectoryError, FileExistsError):
        return "its key begins with the whole of another's"
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno != errno.ENAMETOOLONG:
            raise
        return "its key is no file name here"
    return None


def _download_object(s3: Any, bucket: str, item: dict[str, Any], target: Path, stop: threading.Event) -> int:
    """Stream one object to `target`; returns its bytes."""
    target.parent.mkdir(parents=True, exist_ok=True)

    def copy() -> int:
        with target.open("wb") as file:
            for piece in body_of(s3, bucket, item["Key"], item["Size"]):
                if stop.is_set():
                    raise StepStopped
                file.write(piece)
            return file.tell()

    return read_whole(copy)
