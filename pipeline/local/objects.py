"""What is in the local S3, on disk: contents named by their SHA-256, and an index of buckets and keys."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class StoredObject:
    """An S3 object on disk. `size` in bytes, `sha256` of the content in hex."""

    bucket: str
    key: str
    sha256: str
    size: int


def split_uri(uri: str) -> tuple[str, str]:
    """Bucket and key (or prefix) of an s3:// URI. Raises UsageError when it is not one."""
    raise NotImplementedError
