"""Reads the content of S3 objects, and checks it against the size and the digest that S3 tells of it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import closing
from typing import Any

_CHUNK_BYTES = 1 << 20


class DamagedError(Exception):
    """An object that was read is not what S3 said it would be; the message names it."""


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
        raise DamagedError(f"{name} arrived damaged: its MD5 is {digest.hexdigest()}, not {etag}")
