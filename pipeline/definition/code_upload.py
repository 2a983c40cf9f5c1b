"""Uploads folders of code to S3 under a prefix made from their content.

The prefix is part of what SageMaker's step cache compares, so equal code must have an equal address: the SDK's own
timestamped prefixes would make every compile a new definition and every step a cache miss.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.code_address import digest_of_files, folder_name

IGNORED_FOLDERS = frozenset(
    {"__pycache__", ".ipynb_checkpoints", ".mypy_cache", ".pytest_cache", ".ruff_cache"}
)


def code_files(folder: Path) -> list[Path]:
    """The files of `folder` that are shipped, as sorted relative paths."""
    return sorted(
        path.relative_to(folder)
        for path in folder.rglob("*")
        if path.is_file()
        and not path.name.startswith(".")
        and not IGNORED_FOLDERS.intersection(path.relative_to(folder).parts)
    )


def digest_of_code(folder: Path) -> str:
    """SHA-256 (hex) over the relative paths and contents of the shipped files of `folder`."""
    return digest_of_files((file.as_posix(), (folder / file).read_bytes()) for file in code_files(folder))


def upload_code(s3: Any, folder: Path, bucket: str, prefix: str, uploaded: set[str] | None = None) -> str:
    """Puts `folder` under `prefix`/sha256-<digest>/ unless it is there; returns that S3 URI, which ends in a slash.

    Objects of the prefix are compared by key and size, so an upload that was cut off is completed. Nothing is asked
    about what is among the `uploaded` URIs; this one is added to them.
    """
    address = f"{prefix}/{folder_name(digest_of_code(folder))}/"
    uri = f"s3://{bucket}/{address}"
    if uploaded is not None and uri in uploaded:
        return uri
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=address)
    present = {item["Key"]: item["Size"] for page in pages for item in page.get("Contents", [])}
    for file in code_files(folder):
        key = address + file.as_posix()
        content = (folder / file).read_bytes()
        if present.get(key) != len(content):
            s3.put_object(Bucket=bucket, Key=key, Body=content)
    if uploaded is not None:
        uploaded.add(uri)
    return uri
