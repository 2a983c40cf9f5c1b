"""Which of SageMaker's exception types a failure is, as retry policies name them.

Documented for Pipelines ("Retry policy for pipeline steps"): Step.SERVICE_FAULT and Step.THROTTLING come from calls
of services, SageMaker.JOB_INTERNAL_ERROR from the place a job runs in, SageMaker.CAPACITY_ERROR from a machine that
cannot be had. A script's own error and a job that ran past its time limit are none of these: no policy retries
them.
"""

from __future__ import annotations

import errno
import signal

from pipeline.local.jobs.process import Ended

SERVICE_FAULT = "Step.SERVICE_FAULT"
THROTTLING = "Step.THROTTLING"
JOB_INTERNAL_ERROR = "SageMaker.JOB_INTERNAL_ERROR"
CAPACITY_ERROR = "SageMaker.CAPACITY_ERROR"

_THROTTLING_CODES = frozenset(
    {
        "BandwidthLimitExceeded",
        "RequestLimitExceeded",
        "RequestThrottled",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
_TOO_MANY_REQUESTS, _INSUFFICIENT_STORAGE = 429, 507
# What starting a process says on a machine that has no room for it now.
_NO_ROOM = frozenset({errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE})


def fault_of_end(ended: Ended) -> str | None:
    """The exception type of a job's process that ended so; None for its own error and for its time limit.

    SIGKILL comes from the system (out of memory) or its administrator: a job does not send it to itself. A shell
    returns 128 + 9 when its child was killed so.
    """
    killed = ended.cause == "exited" and ended.returncode in (-signal.SIGKILL, 128 + signal.SIGKILL)
    return JOB_INTERNAL_ERROR if killed else None


def fault_of(error: BaseException | None) -> str | None:
    """The exception type of `error`: what it carries as `fault`, else what it was caused by says."""
    while error is not None:
        found = getattr(error, "fault", None) or _fault_of_one(error)
        if found is not None:
            return str(found)
        error = error.__cause__
    return None


def _fault_of_one(error: BaseException) -> str | None:
    # Here and not at the top: importing botocore takes time that a run without failures has no use for.
    from botocore.exceptions import ClientError, HTTPClientError, IncompleteReadError
    from botocore.exceptions import ConnectionError as NoConnection

    if isinstance(error, ClientError):
        return _fault_of_answer(error.response)
    if isinstance(error, (HTTPClientError, NoConnection, IncompleteReadError)):
        return SERVICE_FAULT  # No answer, a late one, or half of one.
    if isinstance(error, OSError) and error.errno in _NO_ROOM:
        return CAPACITY_ERROR
    return None


def _fault_of_answer(response: object) -> str | None:
    """The exception type of an error response, as botocore parses it."""
    parts = response if isinstance(response, dict) else {}
    code = parts.get("Error", {}).get("Code", "")
    status = parts.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in _THROTTLING_CODES or status == _TOO_MANY_REQUESTS:
        return THROTTLING
    # The local S3's word for a full disk, which waiting does not empty.
    return SERVICE_FAULT if status >= 500 and status != _INSUFFICIENT_STORAGE else None
