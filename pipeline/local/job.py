"""One job as it runs: what its request asks for, where it lives, and how its end becomes an outcome or a reason."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pipeline.errors import StepFailed
from pipeline.local import clock
from pipeline.local.channels import download, s3_errors
from pipeline.local.container import Container
from pipeline.local.definition import Json
from pipeline.local.environment import job_environment
from pipeline.local.faults import fault_of_end
from pipeline.local.joblog import JobLog
from pipeline.local.named_objects import restore_named_objects
from pipeline.local.process import LIMIT_GRACE_SECONDS, STOP_GRACE_SECONDS, Ended, run_process
from pipeline.local.reaper import Reaper
from pipeline.local.runner import StepStopped
from pipeline.local.service import LocalAws

# DescribeTrainingJob's FailureReason and DescribeProcessingJob's ExitMessage are cut at 1 KB.
_LONGEST_MESSAGE = 1024
_DEFAULT_LIMIT_SECONDS = 86400


@dataclass(frozen=True)
class Graces:
    """Seconds from SIGTERM to SIGKILL, after the time limit and after a stop; and between checkpoint uploads."""

    limit: float = LIMIT_GRACE_SECONDS
    stop: float = STOP_GRACE_SECONDS
    checkpoints: float = 2.0


GRACES = Graces()


@dataclass(frozen=True)
class Job:
    """A job's request (resolved, in the shape of CreateProcessingJob or CreateTrainingJob) and where it runs."""

    name: str
    request: Mapping[str, Json]
    cores: int
    container: Container
    log: JobLog
    stop: threading.Event
    aws: LocalAws
    reaper: Reaper
    graces: Graces

    def arn(self, kind: str) -> str:
        """The job's ARN; `kind` is "training-job" or "processing-job"."""
        return f"arn:aws:sagemaker:{self.aws.REGION}:{self.aws.ACCOUNT}:{kind}/{self.name}"

    def write_config(self, path: str, content: Json) -> None:
        """Write a JSON file of the container contract."""
        target = self.container.path(path)
        with s3_errors(f"Writing {path} of the job"):
            target.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")

    def fetch(self, uri: str, inside: str) -> None:
        """Copy what is at `uri` in S3 to the container's folder `inside`."""
        self.aws.restore_objects(uri)
        folder = self.container.path(inside)
        folder.mkdir(parents=True, exist_ok=True)
        size = download(self.aws.client("s3"), uri, folder, stop=self.stop, warn=self.log.say)
        self.log.say(f"{uri} → {inside} ({size / 1e6:.1f} MB)")

    def restore_named_objects(self, *values: Json) -> None:
        """Make S3 objects readable that a request names in passing: by URI, or as files of a model package."""
        restore_named_objects(self.aws, *values)

    def run(self, command: Sequence[str], cwd: Path, variables: Mapping[str, str], message_file: str) -> None:
        """Run the job's process to its end; `variables` are added to its environment, the request's own win.

        Raises:
            StepFailed: it did not end with status 0; the reason quotes `message_file` and the log's last lines.
            StepStopped: it was stopped.
        """
        limit = (self.request.get("StoppingCondition") or {}).get(
            "MaxRuntimeInSeconds"
        ) or _DEFAULT_LIMIT_SECONDS
        own = {name: str(value) for name, value in (self.request.get("Environment") or {}).items()}
        environment = job_environment(
            os.environ,
            self.container,
            self.cores,
            variables,
            self.container.localize(own),
            self.aws.job_environment(),
        )
        if self.stop.is_set():
            raise StepStopped
        with s3_errors("Starting the job's process"):
            ended = run_process(
                command,
                cwd=cwd,
                environment=environment,
                log=self.log,
                stop=self.stop,
                reaper=self.reaper,
                time_limit=float(limit),
                limit_grace=self.graces.limit,
                stop_grace=self.graces.stop,
            )
        if ended.cause == "stopped":
            raise StepStopped
        if not ended.succeeded:
            raise StepFailed(self._reason(ended, self.message(message_file)), fault=fault_of_end(ended))

    def message(self, path: str) -> str:
        """The start of the message that the job left in the file `path` of the container; "" when there is none."""
        try:
            with self.container.path(path).open("rb") as file:
                return file.read(_LONGEST_MESSAGE).decode("utf-8", errors="replace").strip()
        except OSError:
            return ""

    def _reason(self, ended: Ended, message: str) -> str:
        parts = [ended.describe() + (f": {message}" if message else "")]
        if tail := self.log.tail:
            parts.append(
                "\n".join([f"Last lines of its log ({self.log.path}):", *(f"  {line}" for line in tail)])
            )
        return "\n".join(parts)


def now_text() -> str:
    """This moment as the service writes times in JSON."""
    return time_text(clock.now())


def time_text(moment: float) -> str:
    """A moment in seconds since the epoch as the service writes times in JSON."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
