"""Keeps the local target away from real AWS accounts, whatever the user's environment and files say."""

from __future__ import annotations

import os
from collections.abc import MutableMapping

from pipeline.local.state.credentials import Credentials

REGION = "us-east-1"
ACCOUNT = "123456789012"
# The bucket that the SageMaker SDK takes for this account and region.
BUCKET = f"sagemaker-{REGION}-{ACCOUNT}"
# Of no server: not secret, and recognizable where it should not be.
NOBODY = Credentials("LOCALONLYNOTREAL0000", "local-only-not-a-real-secret-key")
# Port 9 (discard) of loopback: nothing listens there, so a request ends at once.
NOWHERE = "http://127.0.0.1:9"
_LOOPBACK = "127.0.0.1,localhost"


def aws_settings(endpoint_url: str, credentials: Credentials) -> dict[str, str]:
    """Environment variables that lead every AWS client to `endpoint_url` with `credentials`, and to no file."""
    return {
        "AWS_ACCESS_KEY_ID": credentials.access_key,
        "AWS_SECRET_ACCESS_KEY": credentials.secret_key,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "AWS_ENDPOINT_URL": endpoint_url,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        # boto's old configuration files, which botocore still reads credentials from.
        "BOTO_CONFIG": os.devnull,
        # Checksums on top of S3's own cost time, and the local S3 does not look at them.
        "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required",
        "AWS_RESPONSE_CHECKSUM_VALIDATION": "when_required",
        # Rust's object_store (polars, deltalake, obstore) takes no http:// endpoint without it.
        "AWS_ALLOW_HTTP": "true",
    }


def dead_settings() -> dict[str, str]:
    """Environment variables that keep every AWS client from reaching anything."""
    return aws_settings(NOWHERE, NOBODY)


def isolate(environ: MutableMapping[str, str]) -> None:
    """Take every AWS and boto setting out of `environ` and put dummy credentials and a dead endpoint there.

    Called for the local target before boto3 or sagemaker load. Afterwards a client that somebody else builds
    without naming an endpoint reaches nothing at all. Proxies stay (downloading the data set may need them), but
    loopback is never reached through one.
    """
    for name in [name for name in environ if name.upper().startswith(("AWS_", "BOTO"))]:
        del environ[name]
    environ.update(dead_settings())
    # Where both are set the lower-case name wins; "*" (no proxy at all) means that only when it stands alone.
    direct = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    if direct.strip() != "*":
        direct = f"{_LOOPBACK},{direct}" if direct else _LOOPBACK
    environ["no_proxy"] = environ["NO_PROXY"] = direct


def direct_loopback(*hosts: str) -> dict[str, str]:
    """Environment variables that keep requests to loopback, and to `hosts`, from going through a proxy."""
    direct = ",".join(dict.fromkeys([*_LOOPBACK.split(","), *hosts]))
    return {"no_proxy": direct, "NO_PROXY": direct}
