"""What the engine asks of whoever runs the jobs of its steps (local_jobs.py; a fake in tests)."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from pipeline.spec.definition import Json, PropertyFile, Step

_LONGEST_JOB_NAME = 63
_SUFFIX_LENGTH = 10
# How the ids of executions begin that are one job by itself, which has a name: that of its step.
SINGLE_JOB = "job-"


class StepStopped(Exception):
    """The job ended because the execution was stopped."""


@dataclass(frozen=True)
class JobOutcome:
    """What a job that succeeded leaves behind: `properties` in the shape of its Describe response.

    `reused_from`: the earlier execution whose job it was, when none ran in this one.
    """

    properties: Mapping[str, Json]
    reused_from: str | None = None


@dataclass(frozen=True)
class JobCall:
    """One job to run: what `step` asks for with its resolved `arguments`, under `name` and on `cores` cores.

    `log` takes the lines of its log, and `stop` ends it once it is set. `upstream` are the properties of the steps
    that it depends on, as far as they have any.
    """

    step: Step
    arguments: Mapping[str, Json]
    name: str
    cores: int
    log: Callable[[str], None]
    stop: threading.Event
    upstream: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)


class JobRunner(Protocol):
    """Runs one job to its end; called from several threads."""

    def __call__(self, call: JobCall) -> JobOutcome:
        """Run the job to its end.

        Raises:
            StepFailed: the job failed; the message is the failure reason.
            StepStopped: the call's `stop` was set meanwhile.
        """

    def read_property_file(
        self, step: Step, property_file: PropertyFile, properties: Mapping[str, Json]
    ) -> Json:
        """The content of a property file of `step`, whose job left `properties` behind.

        Raises:
            StepFailed: it is missing or not JSON.
        """

    def read_document(self, uri: str) -> Json:
        """The JSON document at an S3 URI.

        Raises:
            StepFailed: it is missing or not JSON.
        """


def name_job(execution_id: str, step: str, attempt: int) -> str:
    """`pipelines-<execution>-<step>-<suffix>` as the service names jobs, at most 63 characters.

    The service's suffix is random; this one depends on the arguments alone. A job that is an execution by itself
    has the name that it was given.
    """
    if execution_id.startswith(SINGLE_JOB):
        return step
    suffix = hashlib.sha256(f"{execution_id}/{step}/{attempt}".encode()).hexdigest()[:_SUFFIX_LENGTH]
    start = f"pipelines-{execution_id}-"
    room = _LONGEST_JOB_NAME - len(start) - 1 - _SUFFIX_LENGTH
    # A job's name takes letters, digits and single hyphens between them.
    middle = re.sub(r"[^A-Za-z0-9]+", "-", step)[:room].strip("-")
    return f"{start}{middle}-{suffix}"
