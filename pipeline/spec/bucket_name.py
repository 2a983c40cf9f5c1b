"""What S3 takes as the name of a bucket (Amazon S3 User Guide, "General purpose bucket naming rules").

S3 asks for three characters at least. The local S3 takes one and two as well, because definitions that are tried
out have such names (s3://b1/in); the check for SageMaker says that the service refuses them.
"""

from __future__ import annotations

import ipaddress
import re

_FORM = re.compile(r"[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?", re.ASCII)
_SHORTEST = 3
_PREFIXES = ("xn--", "sthree-", "amzn-s3-demo-")
_SUFFIXES = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")


def bucket_problem(name: str) -> str | None:
    """Why no bucket can have that name, as a clause; None when one can."""
    if len(name) < _SHORTEST or not _FORM.fullmatch(name):
        return (
            f"{name!r} is not a valid bucket name: S3 allows 3 to 63 lower-case letters, digits, dots and hyphens, "
            "with a letter or digit at both ends"
        )
    if ".." in name or _is_address(name):
        return f"{name!r} is not a valid bucket name: S3 allows no two dots in a row and no IP address"
    if name.startswith(_PREFIXES) or name.endswith(_SUFFIXES):
        return f"{name!r} is not a valid bucket name: its beginning or end is reserved by S3"
    return None


def local_bucket_problem(name: str) -> str | None:
    """As bucket_problem, for a bucket of the local S3, which may have a name of one or two characters."""
    return None if len(name) < _SHORTEST and _FORM.fullmatch(name) else bucket_problem(name)


def _is_address(name: str) -> bool:
    try:
        ipaddress.IPv4Address(name)
    except ValueError:
        return False
    return True
