"""Puts the data set's files into S3, in a folder that is named by their content."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any


def upload_files(s3: Any, bucket: str, prefix: str, files: Mapping[str, Path]) -> int:
    """Puts `files` below `prefix`/ under their names, but for those that are there with their size.

    Returns how many it sent.

    Raises what boto3 raises.
    """
    listed = s3.list_objects_v2(Bucket=bucket, Prefix=f"{prefix}/").get("Contents", [])
    present = {item["Key"]: item["Size"] for item in listed}
    sent = 0
    for name, file in files.items():
        key = f"{prefix}/{name}"
        if present.get(key) != file.stat().st_size:
            with file.open("rb") as body:
                s3.put_object(Bucket=bucket, Key=key, Body=body)
            sent += 1
    return sent
