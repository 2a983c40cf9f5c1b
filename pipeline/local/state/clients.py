"""boto3 sessions and clients that only ever talk to one endpoint on loopback. This imports boto3 (0.4 s)."""

from __future__ import annotations

from typing import Any

import boto3
import botocore.session
from botocore.config import Config

from pipeline.local.state.credentials import Credentials
from pipeline.local.state.isolation import REGION

CONFIG = Config(
    # An empty mapping, unlike None, keeps botocore from asking the environment for proxies.
    proxies={},
    # "bucket.127.0.0.1" is no host.
    s3={"addressing_style": "path"},
    # Checksums on top of S3's own cost time on 170 MB, and moto does not look at them.
    request_checksum_calculation="when_required",
    response_checksum_validation="when_required",
    retries={"mode": "standard", "total_max_attempts": 3},
    # Steps run in parallel and share the clients.
    max_pool_connections=32,
)


def patient(seconds: float) -> Config:
    """CONFIG for clients that wait `seconds` for each answer."""
    return CONFIG.merge(Config(read_timeout=seconds))


class LoopbackSession(boto3.Session):  # type: ignore[misc]
    """A boto3.Session for the SageMaker SDK: whatever service it is asked for is the one at `endpoint_url`."""

    def __init__(self, endpoint_url: str, credentials: Credentials, config: Config = CONFIG) -> None:
        self.endpoint_url = endpoint_url
        self._key = {
            "aws_access_key_id": credentials.access_key,
            "aws_secret_access_key": credentials.secret_key,
        }
        self._config = config
        super().__init__(**self._key, region_name=REGION, botocore_session=_session_without_surroundings())

    def client(self, service_name: str, *args: Any, **options: Any) -> Any:
        """As boto3.Session.client, but endpoint, region and credentials are always the session's own."""
        return super().client(service_name, **self._local(options))

    def resource(self, service_name: str, *args: Any, **options: Any) -> Any:
        """As boto3.Session.resource, with the same exceptions as `client`."""
        return super().resource(service_name, **self._local(options))

    def _local(self, options: dict[str, Any]) -> dict[str, Any]:
        given = options.get("config")
        kept = {name: options[name] for name in ("api_version",) if name in options}
        # The SDK asks for real endpoints by name (of STS, for one): they are replaced here.
        return kept | {
            "region_name": REGION,
            "endpoint_url": self.endpoint_url,
            **self._key,
            "config": self._config if given is None else given.merge(self._config),
        }


def _session_without_surroundings() -> Any:
    """A botocore session that reads no environment variable and no file of the user's."""
    settings = {
        name: (setting, None, default, convert)
        for name, (setting, _, default, convert) in botocore.session.Session.SESSION_VARIABLES.items()
    }
    for name in ("config_file", "credentials_file"):
        settings[name] = (None, None, "/dev/null", None)
    return botocore.session.Session(session_vars=settings)
