"""Reads the content of S3 objects: checked against what S3 says of it, and again when it broke off on the way.

boto3 repeats a request that fails; a body that breaks off or arrives damaged is ours to ask for again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any, TypeVar

from botocore.exceptions import (
    ConnectionClosedError,
    IncompleteReadError,
    ReadTimeoutError,
    ResponseStreamingError,
)

_CHUNK_BYTES = 1 << 20
_ATTEMPTS = 3
_BROKEN = (ConnectionClosedError, IncompleteReadError, ReadTimeoutError, ResponseStreamingError)
Result = TypeVar("Result")


class DamagedError(Exception):
    """An object that was read is not what S3 said it would be; the message names it."""


def read_whole(copy: Callable[[], Result]) -> Result:
    """What `copy` returns, which reads objects by `body_of` and can be called again; raises what its third call
    raises."""
    for _ in range(_ATTEMPTS - 1):
        try:
            return copy()
        except (*_BROKEN, DamagedError):
            continue
    return copy()


def body_of(s3: Any, bucket: str, key: str, size: int | None = None) -> Iterator[bytes]:
    """The object's content, in pieces; `size` is what it has by another account, such as a listing.

    Raises:
        DamagedError: after the last piece, when size or (where S3 tells it) MD5 are others.
    """
    name = f"s3://{bucket}/{key}"
    answer = s3.get_object(Bucket=bucket, Key=key)
    digest = hashlib.md5(usedforsecurity=False)
    arrived = 0
    with closing(answer["Body"]) as body:
        for chunk in body.iter_chunks(_CHUNK_BYTES):
            digest.update(chunk)
            arrived += len(chunk)
            yield chunk
    expected = answer.get("ContentLength", arrived) if size is None else size
    if arrived != expected:
        raise DamagedError(f"{name} has {expected} bytes, of which {arrived} arrived")
    # The ETag of an object that was uploaded in parts (it has a hyphen) or encrypted by KMS is not its MD5.
    etag = answer.get("ETag", "").strip('"')
    encrypted = answer.get("ServerSideEncryption", "").startswith("aws:kms")
    if len(etag) == 32 and not encrypted and etag != digest.hexdigest():
        raise DamagedError(f"{name} arrived damaged: expected MD5 {etag}, received {digest.hexdigest()}")
