"""The one boundary to AWS: whose account and region, and clients for it. Tests hand in clients of their own."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pipeline.errors import UsageError

CONNECT_SECONDS, READ_SECONDS = 10, 30


@dataclass(frozen=True)
class Aws:
    """An account in a region. `client` makes a boto3 client of a service."""

    account: str
    region: str
    caller: str
    client: Callable[[str], Any]

    def __str__(self) -> str:
        return f"account {self.account}, region {self.region}, as {self.caller}"


def open_aws(profile: str | None, region: str | None) -> Aws:
    """The account that the credentials of this machine are for.

    Raises:
        UsageError: no region is set anywhere.
        botocore.exceptions.BotoCoreError, ClientError: there are no credentials, or they are not accepted.
    """
    import boto3
    from botocore.config import Config

    from pipeline.targets.aws.answers import guard

    patient = Config(
        retries={"mode": "standard", "total_max_attempts": 8},
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
    )
    # AWS_REGION goes first, as in AWS's other tools; boto3 itself knows only AWS_DEFAULT_REGION.
    region = region or os.environ.get("AWS_REGION") or None
    session = guard(boto3.Session(profile_name=profile, region_name=region))
    if session.region_name is None:
        raise UsageError(
            "No region is set: there is none in --region, AWS_REGION, AWS_DEFAULT_REGION or the profile. "
            "Name the one to use, for example --region us-east-1."
        )
    identity = session.client("sts", config=patient).get_caller_identity()
    clients: dict[str, Any] = {}

    def client(service: str) -> Any:
        if service not in clients:
            clients[service] = session.client(service, config=patient)
        return clients[service]

    return Aws(identity["Account"], session.region_name, identity["Arn"], client)
