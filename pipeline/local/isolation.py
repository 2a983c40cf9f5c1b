"""Keeps the local target away from real AWS accounts, whatever the user's environment and files say."""

from __future__ import annotations

from collections.abc import MutableMapping

REGION = "us-east-1"
ACCOUNT = "123456789012"


def isolate(environ: MutableMapping[str, str]) -> None:
    """Take every AWS and boto setting out of `environ` and put dummy credentials and a dead endpoint there.

    Called for the local target before boto3 or sagemaker load. Afterwards a client that somebody else builds
    without naming an endpoint reaches nothing at all.
    """
    raise NotImplementedError
