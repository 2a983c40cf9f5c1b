"""Runs an SDK pipeline in containers to its end, and keeps the same records as the local engine."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pipeline.docker.describe import as_described
from pipeline.docker.jobs import DockerJobs, stopping_containers
from pipeline.docker.recorder import Recorder
from pipeline.docker.requested_code import check_requested_code
from pipeline.docker.session import ComposeSession, CreateJob, execute_pipeline
from pipeline.docker.workplace import Workplace
from pipeline.errors import StepFailed
from pipeline.execution import ExecutionRecord, Observer
from pipeline.local.jobs.runner import StepStopped
from pipeline.spec.definition import MISSING, Definition


def run_pipeline(
    pipeline: Any,
    session: ComposeSession,
    definition: Definition,
    record: ExecutionRecord,
    *,
    workplace: Workplace,
    environment: Mapping[str, str],
    log_path: Callable[[str], Path],
    persist: Callable[[], None],
    save: Callable[[ExecutionRecord], None],
    observer: Observer,
    stop: threading.Event,
) -> ExecutionRecord:
    """Run `pipeline`, made in `session` and compiled to `definition`, and return the final record.

    Args:
        record: the execution at its start, with a StepRecord for every step and every parameter's value.
        environment: variables that every job gets.
        log_path: where a step's log goes.
        persist: called after each step that succeeded, before the record says so.
        save: gets every change of the record before the observer.
        stop: when it is set the running container is stopped and no other started: the execution ends Stopped.
    """
    secret = session.boto_session.get_credentials().secret_key
    recorder = Recorder(definition, record, save, observer)
    jobs = DockerJobs(workplace, environment, log_path, observer.log_line, stop, secret)

    def run_job(create: CreateJob, job_name: str, request: dict[str, Any]) -> None:
        check_requested_code(session.boto_session.client("s3"), request)
        jobs.run(create, job_name, request)

    session.connect(workplace.folder, run_job)
    steps = _Steps(recorder, jobs, persist, frozenset(environment), stop)
    recorder.begin()
    try:
        with stopping_containers(stop, workplace, recorder.stopping):
            execute_pipeline(
                pipeline, session, record.execution_id, _to_give(definition, record.parameters), steps
            )
    except StepStopped:
        pass
    except BaseException as error:
        recorder.abandon(error)
        raise
    return recorder.conclude(stop.is_set())


class _Steps:
    """Hears from the SDK's executor of each step."""

    def __init__(
        self,
        recorder: Recorder,
        jobs: DockerJobs,
        persist: Callable[[], None],
        hidden: frozenset[str],
        stop: threading.Event,
    ) -> None:
        self._recorder = recorder
        self._jobs = jobs
        self._persist = persist
        self._hidden = hidden
        self._stop = stop

    def step_started(self, name: str) -> None:
        """Raises StepStopped when the execution is to stop."""
        if self._stop.is_set():
            raise StepStopped
        self._jobs.step = name
        self._recorder.start(name)

    def step_succeeded(self, name: str, properties: Mapping[str, Any]) -> None:
        """What the step wrote is safe on disk before its record says that it succeeded."""
        self._persist()
        self._recorder.succeed(name, as_described(properties, self._hidden))

    def step_failed(self, name: str, reason: str) -> None:
        """`reason` begins with the class of what DockerJobs raised."""
        kind, _, rest = reason.partition(": ")
        if kind == StepStopped.__name__:
            self._recorder.stop(name)
        else:
            self._recorder.fail(name, rest if kind == StepFailed.__name__ else reason)


def _to_give(definition: Definition, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values that differ from the definition's defaults: the SDK refuses to be given an empty text."""
    defaults = {parameter.name: parameter.default for parameter in definition.parameters}
    return {name: value for name, value in values.items() if value != defaults.get(name, MISSING)}
