"""What happens around each job that the SDK runs in a container: its environment, its log, its end, its traces."""

from __future__ import annotations

import contextlib
import json
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pipeline.docker.compose_output import ComposeOutput
from pipeline.docker.engine import docker
from pipeline.docker.workplace import Workplace
from pipeline.errors import StepFailed
from pipeline.local.jobs.joblog import JobLog
from pipeline.local.jobs.runner import StepStopped

_POLL_SECONDS = 0.2
_COMPOSE_FAILED = "Process exited with code"  # in what the SDK raises


class DockerJobs:
    """Runs the jobs of one execution, one at a time. `step` is the step that is running."""

    def __init__(
        self,
        workplace: Workplace,
        environment: Mapping[str, str],
        log_path: Callable[[str], Path],
        log_line: Callable[[str, str], None],
        stop: threading.Event,
        secret: str = "",
    ) -> None:
        """Each job gets `environment` in addition to its own; lines of its log go to `log_line(step, line)` too.

        `secret` is masked in logs.
        """
        self._secret = secret
        self.step = ""
        self._workplace = workplace
        self._environment = environment
        self._log_path = log_path
        self._log_line = log_line
        self._stop = stop

    def run(self, create: Callable[..., None], job_name: str, request: dict[str, Any]) -> None:
        """Run the SDK's `create(job_name, **request)`, which returns when the job's container has ended.

        Raises:
            StepFailed: the job failed; the message quotes the end of its log.
            StepStopped: it was stopped.
        """
        if self._stop.is_set():
            raise StepStopped
        step = self.step
        path = self._log_path(step)
        path.parent.mkdir(parents=True, exist_ok=True)
        environment = {**(request.get("Environment") or {}), **self._environment}
        with JobLog(path, lambda line: self._log_line(step, line), self._secret) as log:
            output = ComposeOutput(log)
            fault: Exception | None = None
            try:
                with contextlib.redirect_stdout(output):
                    create(job_name, **{**request, "Environment": environment})
            except Exception as error:
                fault = error
                trace = traceback.format_exc()
            status = self._finish(output)
            if fault is None and not status:
                return
            if self._stop.is_set():
                raise StepStopped
            if not status and _COMPOSE_FAILED in str(fault):
                status = "docker compose did not run its container"
            elif not status:
                # Neither the container nor compose failed: the SDK or the local S3 did.
                log.feed(trace.encode())
                status = f"{type(fault).__name__}: {fault}"
            raise StepFailed(_reason(status, log))

    def _finish(self, output: ComposeOutput) -> str | None:
        """Complete the log, remove the job's traces, and say how its container failed, None if it did not."""
        faults = []
        for container in self._workplace.containers():
            output.complete(docker("logs", container, check=False))
            state = json.loads(docker("inspect", "--format", "{{json .State}}", container))
            if state.get("OOMKilled"):
                faults.append("out of memory: killed by the system")
            elif state["ExitCode"] != 0:
                faults.append(_describe(state["ExitCode"], state.get("Error", "")))
        self._workplace.clear()
        return faults[0] if faults else None


@contextlib.contextmanager
def stopping_containers(
    stop: threading.Event, workplace: Workplace, stopping: Callable[[], None]
) -> Iterator[None]:
    """While the block lasts, end the containers of the workplace once `stop` is set; says so by `stopping`."""
    done = threading.Event()

    def watch() -> None:
        while not done.is_set():
            if stop.wait(_POLL_SECONDS):
                stopping()
                break
        # One may just be starting: until the SDK has given up.
        while not done.wait(_POLL_SECONDS):
            workplace.stop_containers()

    watcher = threading.Thread(target=watch, name="stopping containers")
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()


def _describe(exit_code: int, error: str) -> str:
    """A container's end in words. Above 128 it is what a shell says of a signal."""
    if error:
        return f"its container did not start: {error}"
    if exit_code > 128:
        return f"exit status {exit_code} (killed by signal {exit_code - 128})"
    return f"exit status {exit_code}"


def _reason(end: str, log: JobLog) -> str:
    lines = "\n".join(f"  {line}" for line in log.tail)
    return f"{end}\nLast lines of its log ({log.path}):\n{lines}" if lines else end
