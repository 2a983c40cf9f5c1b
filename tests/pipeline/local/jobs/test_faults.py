"""Which failures retry policies are asked about, and by which name."""

from __future__ import annotations

import errno

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    EndpointConnectionError,
    IncompleteReadError,
    NoCredentialsError,
    ReadTimeoutError,
)

from pipeline.errors import StepFailed
from pipeline.local.jobs.channels import s3_errors
from pipeline.local.jobs.faults import (
    CAPACITY_ERROR,
    JOB_INTERNAL_ERROR,
    SERVICE_FAULT,
    THROTTLING,
    fault_of,
    fault_of_end,
)
from pipeline.local.jobs.process import Ended
from tests.pipeline.local.workbench import Workbench


def answer(status: int, code: str = "Error") -> ClientError:
    return ClientError(
        {"Error": {"Code": code, "Message": "…"}, "ResponseMetadata": {"HTTPStatusCode": status}},
        "GetObject",
    )


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (answer(500, "InternalError"), SERVICE_FAULT),
        (answer(502), SERVICE_FAULT),
        (answer(503, "ServiceUnavailable"), SERVICE_FAULT),
        (answer(503, "SlowDown"), THROTTLING),
        (answer(400, "ThrottlingException"), THROTTLING),
        (answer(429), THROTTLING),
        (answer(404, "NoSuchKey"), None),
        (answer(403, "AccessDenied"), None),
        (answer(507, "InsufficientStorage"), None),
        (EndpointConnectionError(endpoint_url="http://127.0.0.1:1"), SERVICE_FAULT),
        (ConnectionClosedError(endpoint_url="http://127.0.0.1:1"), SERVICE_FAULT),
        (ReadTimeoutError(endpoint_url="http://127.0.0.1:1"), SERVICE_FAULT),
        (IncompleteReadError(actual_bytes=1, expected_bytes=2), SERVICE_FAULT),
        (NoCredentialsError(), None),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), CAPACITY_ERROR),
        (OSError(errno.ENOSPC, "No space left on device"), None),
    ],
    ids=str,
)
def test_what_a_service_or_the_machine_says_has_a_name(error: Exception, fault: str | None) -> None:
    assert fault_of(error) == fault
    # As the jobs raise it.
    with pytest.raises(StepFailed) as raised, s3_errors("Copying"):
        raise error
    assert fault_of(raised.value) == fault


def test_a_failure_keeps_its_name_however_it_is_wrapped() -> None:
    outer = StepFailed("killed; its folder is kept")
    outer.__cause__ = StepFailed("killed", fault=JOB_INTERNAL_ERROR)
    assert fault_of(outer) == JOB_INTERNAL_ERROR
    assert fault_of(StepFailed("exit status 1")) is None


@pytest.mark.parametrize(
    ("ended", "fault"),
    [
        (Ended(-9, "exited"), JOB_INTERNAL_ERROR),
        (Ended(137, "exited"), JOB_INTERNAL_ERROR),
        (Ended(1, "exited"), None),
        (Ended(-11, "exited"), None),
        (Ended(-9, "time limit"), None),
        (Ended(-9, "stopped"), None),
    ],
    ids=str,
)
def test_only_a_job_that_the_system_killed_is_its_error(ended: Ended, fault: str | None) -> None:
    assert fault_of_end(ended) == fault


@pytest.mark.parametrize(
    ("script", "fault"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", JOB_INTERNAL_ERROR),
        ("raise SystemExit(3)", None),
    ],
)
def test_a_real_jobs_end_has_its_name(bench: Workbench, script: str, fault: str | None) -> None:
    with pytest.raises(StepFailed) as raised:
        bench.run("Processing", bench.processing(script))
    assert fault_of(raised.value) == fault


def test_a_job_past_its_time_limit_has_none(bench: Workbench) -> None:
    with pytest.raises(StepFailed, match="ran longer") as raised:
        bench.run("Processing", bench.processing("import time; time.sleep(60)", limit=1))
    assert fault_of(raised.value) is None
