"""Jobs that a client asks for by themselves: each is an execution of one step, and runs as a pipeline's would.

What stops a job stops a pipeline's too: the step is Stopped, and the rest of the execution goes on as it can.
"""

from __future__ import annotations

import json
import threading

from pipeline.local.endpoint.engine import Engine
from pipeline.local.endpoint.job_index import FoundJob, JobIndex, Kind, single_id
from pipeline.local.endpoint.jobs import Jobs
from pipeline.local.endpoint.names import ARN
from pipeline.local.endpoint.wire import VALIDATION, Request, ServiceError
from pipeline.spec.step_types import is_executed

_VERSION = "2020-12-01"


class SingleJobs:
    """Create and Stop for each kind of job. Usable from several threads."""

    def __init__(self, engine: Engine, index: JobIndex, jobs: Jobs) -> None:
        self._engine = engine
        self._index = index
        self._jobs = jobs
        self._lock = threading.Lock()
        self._starting: set[str] = set()

    def create(self, kind: Kind, request: Request) -> Request:
        """Create…Job: returns when the job has begun."""
        name = request[f"{kind.api}Name"]
        arn = f"{ARN}:{kind.word}/{name}"
        if not is_executed(kind.step_type):
            raise ServiceError(VALIDATION, f"{kind.create} is not executed by the local engine.")
        execution_id = single_id(kind, name)
        with self._lock:
            if execution_id in self._starting or self._index.find(kind, name) is not None:
                raise ServiceError(
                    "ResourceInUse",
                    "Job names must be unique within an AWS account and region, and a "
                    f"{kind.step_type.lower()} job with this name already exists ({arn}).",
                )
            self._starting.add(execution_id)
        try:
            step = {
                "Name": name,
                "Type": kind.step_type,
                "Arguments": _without(request, f"{kind.api}Name", "Tags"),
            }
            definition = json.dumps({"Version": _VERSION, "Steps": [step]})
            self._engine.start(
                execution_id,
                "",
                {"request": request},
                definition,
                {},
                pipeline_name=kind.word + "s",
                use_cache=False,
            )
        finally:
            with self._lock:
                self._starting.discard(execution_id)
        return {f"{kind.api}Arn": arn}

    def stop(self, kind: Kind, request: Request) -> Request:
        """Stop…Job."""
        job = self._jobs.find(kind, request[f"{kind.api}Name"])
        if _is_trial(job):
            raise ServiceError(
                VALIDATION,
                f"The job {job.name} is a trial of the step {job.step.part_of}: stop the execution with "
                f"StopPipelineExecution ({job.execution.asked['id']}).",
            )
        status = self._jobs.fields(job)[f"{kind.api}Status"]
        if status not in ("InProgress", "Stopping"):
            raise ServiceError(
                VALIDATION,
                f"The request was rejected because the job {job.name} is in status {status}.",
            )
        job.execution.ask_to_stop(None if job.is_alone else job.step.name)
        return {}


def _without(request: Request, *names: str) -> Request:
    return {name: value for name, value in request.items() if name not in names}


def _is_trial(job: FoundJob) -> bool:
    """Whether it is a search's, which would propose another in its place."""
    steps = job.execution.known.steps
    return any(step.name == job.step.part_of and step.type == "Tuning" for step in steps)
