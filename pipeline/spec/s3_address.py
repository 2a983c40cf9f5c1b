"""The address of an S3 object or prefix, in each of the forms that SageMaker takes: `(https|s3)://…`.

API reference, S3DataSource, S3Uri and ModelDataUrl; S3 user guide, "Virtual hosting of buckets": path and host
style, the older endpoints with a hyphen or without a region, and those of other partitions.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

_REGION = r"(?:[.-][a-z0-9-]+)?"
_ENDPOINT = rf"s3(?:\.dualstack)?{_REGION}\.amazonaws\.com(?:\.cn)?"
_HOST_STYLE = re.compile(rf"https://(?P<bucket>[^/]+?)\.{_ENDPOINT}(?:/(?P<key>.*))?", re.DOTALL)
_PATH_STYLE = re.compile(rf"https://{_ENDPOINT}/(?P<bucket>[^/]+)(?:/(?P<key>.*))?", re.DOTALL)


def as_s3(address: str) -> str:
    """`address` as s3://bucket/key; one that is none of S3's stays as it is."""
    found = _PATH_STYLE.fullmatch(address) or _HOST_STYLE.fullmatch(address)
    if found is None:
        return address
    return f"s3://{found['bucket']}/{unquote(found['key'] or '')}"
