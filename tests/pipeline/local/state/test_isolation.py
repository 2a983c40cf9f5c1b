import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError

from pipeline.local.state.isolation import NOBODY, NOWHERE, dead_settings, isolate
from pipeline.local.state.local_aws import LocalAws
from pipeline.local.state.state_dir import Home
from pipeline.local.state.store import Store
from tests.trap import REAL_KEY, Trap, surroundings

SERVICES = ("s3", "sagemaker", "sts", "iam", "logs")


@pytest.fixture(scope="module")
def trap() -> Iterator[Trap]:
    trap = Trap()
    yield trap
    trap.close()


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    home = Home.open(tmp_path_factory.mktemp("state"))
    with Store(home) as store, LocalAws(home, store) as aws:
        aws.client("s3")
        yield aws


@pytest.fixture(params=["prod", "no-such-profile"])
def user(
    request: pytest.FixtureRequest, trap: Trap, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dict[str, str]]:
    """This process's environment with the user's settings added; nothing may have reached the trap at the end."""
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name, value in surroundings(trap, tmp_path, request.param).items():
        monkeypatch.setenv(name, value)
    trap.received.clear()
    yield dict(os.environ)
    assert trap.received == []
    assert not (tmp_path / "credential-process-was-run").exists()


def watch(session_or_client: Any) -> list[tuple[str, str, str | None]]:
    """Where each request of a session's or client's goes: its URL, Authorization, session token."""
    sent: list[tuple[str, str, str | None]] = []

    def before_send(request: Any, **_: Any) -> None:
        headers = {name.lower(): value for name, value in request.headers.items()}
        texts = {name: v.decode() if isinstance(v, bytes) else str(v) for name, v in headers.items()}
        sent.append((request.url, texts["authorization"], texts.get("x-amz-security-token")))

    events = (
        session_or_client.events if hasattr(session_or_client, "events") else session_or_client.meta.events
    )
    events.register("before-send.*", before_send)
    return sent


def ask(service: str, client: Any) -> None:
    """Some request to the service."""
    {
        "s3": lambda: client.list_buckets(),
        "sagemaker": lambda: client.list_model_package_groups(),
        "sts": lambda: client.get_caller_identity(),
        "iam": lambda: client.list_roles(),
        "logs": lambda: client.describe_log_groups(),
    }[service]()


def check(sent: list[tuple[str, str, str | None]], aws: LocalAws) -> None:
    assert sent
    for url, authorization, token in sent:
        assert url.startswith(f"{aws.endpoint_url}/")
        assert f"Credential={aws.credentials.access_key}/" in authorization
        assert "/us-east-1/" in authorization
        assert token is None


def test_the_settings_used_here_do_lead_an_unprotected_client_into_the_trap(
    trap: Trap, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in surroundings(trap, tmp_path, "prod").items():
        if name not in ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "AWS_CA_BUNDLE") and "_USE_" not in name:
            monkeypatch.setenv(name, value)
    trap.received.clear()

    with pytest.raises(Exception, match="403"):
        boto3.Session().client("s3").list_buckets()
    assert REAL_KEY in trap.received[0]


@pytest.mark.parametrize("service", SERVICES)
def test_clients_talk_to_loopback_alone_whatever_the_user_has_set(
    service: str, aws: LocalAws, user: dict[str, str]
) -> None:
    aws._clients.clear()
    aws._session = type(aws.session())(aws.endpoint_url, aws.credentials)
    client = aws.client(service)
    sent = watch(client)

    ask(service, client)

    check(sent, aws)


def test_the_session_stays_local_even_when_asked_for_real_endpoints(
    aws: LocalAws, user: dict[str, str]
) -> None:
    session = type(aws.session())(aws.endpoint_url, aws.credentials)
    sent = watch(session)
    real = {
        "region_name": "eu-west-1",
        "endpoint_url": "https://sts.eu-west-1.amazonaws.com",
        "aws_access_key_id": REAL_KEY,
        "aws_secret_access_key": "real",
        "aws_session_token": "real",
        "verify": "/no/such/bundle",
    }

    assert session.client("sts", **real).get_caller_identity()["Account"] == LocalAws.ACCOUNT
    list(session.resource("s3", **real).buckets.all())
    session.client("s3", "eu-west-1").list_buckets()

    check(sent, aws)
    assert len(sent) == 3
    assert session.region_name == "us-east-1"
    credentials = session.get_credentials()
    assert (credentials.access_key, credentials.secret_key, credentials.token) == (
        aws.credentials.access_key,
        aws.credentials.secret_key,
        None,
    )


JOB = """
import boto3
for service, call in (("s3", "list_buckets"), ("sts", "get_caller_identity")):
    client = boto3.client(service)
    show = lambda request, **_: print(request.url, request.headers["Authorization"])
    client.meta.events.register("before-send.*", show)
    getattr(client, call)()
"""


def test_a_jobs_process_talks_to_loopback_alone(aws: LocalAws, user: dict[str, str], tmp_path: Path) -> None:
    # The user's HOME, with its .aws, and proxies stay: only the AWS settings are the engine's.
    kept = {name: value for name, value in user.items() if not name.startswith(("AWS_", "BOTO"))}

    job = subprocess.run(
        [sys.executable, "-c", JOB],
        env=kept | aws.job_environment(),
        capture_output=True,
        text=True,
        check=True,
    )

    key = aws.credentials.access_key
    lines = job.stdout.splitlines()
    assert len(lines) == 2
    for line in lines:
        assert line.startswith(f"{aws.endpoint_url}/ b'AWS4-HMAC-SHA256 Credential={key}/")


def test_after_isolating_a_client_that_names_no_endpoint_reaches_nothing(
    user: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    isolate(os.environ)
    session = boto3.Session()
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    credentials = session.get_credentials()
    assert (credentials.access_key, credentials.secret_key, credentials.token) == (
        NOBODY.access_key,
        NOBODY.secret_key,
        None,
    )

    for service in SERVICES:
        with pytest.raises(EndpointConnectionError, match=NOWHERE):
            ask(service, session.client(service))


def test_clients_that_want_leave_for_http_have_it() -> None:
    settings = dead_settings()  # of the same names as a job's
    assert settings["AWS_ENDPOINT_URL"].startswith("http://")
    assert settings["AWS_ALLOW_HTTP"] == "true"


def test_isolating_leaves_only_its_own_aws_settings_and_everything_else() -> None:
    environ = {
        "AWS_PROFILE": "prod",
        "AWS_BEARER_TOKEN_BEDROCK": "x",
        "BOTOCORE_EXPERIMENTAL__PLUGINS": "evil=evil",
        "PATH": "/bin",
        "HTTPS_PROXY": "http://proxy:3128",
        "NO_PROXY": "intern.example",
    }

    isolate(environ)

    loopback = {
        "NO_PROXY": "127.0.0.1,localhost,intern.example",
        "no_proxy": "127.0.0.1,localhost,intern.example",
    }
    kept = {"PATH": "/bin", "HTTPS_PROXY": "http://proxy:3128"}
    assert environ == dead_settings() | kept | loopback


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, "127.0.0.1,localhost"),
        ({"NO_PROXY": "*"}, "*"),
        ({"no_proxy": "lower", "NO_PROXY": "upper"}, "127.0.0.1,localhost,lower"),
    ],
)
def test_isolating_keeps_proxies_away_from_loopback(before: dict[str, str], after: str) -> None:
    environ = dict(before)

    isolate(environ)

    assert (environ["no_proxy"], environ["NO_PROXY"]) == (after, after)
