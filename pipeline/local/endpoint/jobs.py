"""Jobs as the service describes and lists them, whether a pipeline made them or a client by itself."""

from __future__ import annotations

import json
from typing import Any

from pipeline.local.endpoint.job_index import PROCESSING, TRAINING, FoundJob, JobIndex, Kind
from pipeline.local.endpoint.pages import listed
from pipeline.local.endpoint.wire import VALIDATION, Request, ServiceError, known_of, moment, only_known
from pipeline.local.jobs.local_jobs import step_folder
from pipeline.local.state.state_dir import Home

# Of a step or an execution, and of its job.
JOB_STATUSES = {
    "CompletedWithFailures": "Failed",
    "Starting": "InProgress",
    "Executing": "InProgress",
    "Stopping": "Stopping",
    "Stopped": "Stopped",
    "Failed": "Failed",
    "Succeeded": "Completed",
}
_SECONDARY = {"InProgress": "Training"}


class Jobs:
    """Describe and List for every kind of job. Usable from several threads."""

    def __init__(self, home: Home, index: JobIndex) -> None:
        self._home = home
        self._index = index

    def describe(self, kind: Kind, request: Request) -> Request:
        """Describe…Job."""
        return only_known(f"Describe{kind.api}", self.fields(self.find(kind, request[f"{kind.api}Name"])))

    def list(self, kind: Kind, request: Request) -> Request:
        """List…Jobs."""
        items, more = listed((self.fields(job) for job in self._index.all(kind)), request, kind.api)
        return {f"{kind.api}Summaries": [known_of(f"{kind.api}Summary", each) for each in items], **more}

    def find(self, kind: Kind, name: str) -> FoundJob:
        """The job of this name. Raises ServiceError when there is none."""
        job = self._index.find(kind, name)
        if job is None:
            raise ServiceError(VALIDATION, f"Could not find the requested job with name: {name}")
        return job

    def fields(self, job: FoundJob) -> dict[str, Any]:
        """All that is known of a job, in the words of its Describe response and of its summary."""
        kind, step = job.kind, job.step
        # One that waits for its start ends as its execution does.
        own = job.execution.known.status if step.status == "Pending" else step.status
        status = JOB_STATUSES[own] if job.is_last else "Failed"
        if status == "InProgress" and job.execution.stop_of(job.step.name).is_set():
            status = "Stopping"
        described = dict(step.properties) if status == "Completed" else self._request(job)
        described = {
            name: moment(value) if name.endswith("Time") and isinstance(value, str) else value
            for name, value in described.items()
        }
        prefix = kind.api.removesuffix("Job")
        changed = job.execution.changed_at if step.ended_at is None else step.ended_at
        created = job.execution.known.started_at if step.started_at is None else step.started_at
        fields = {
            **described,
            f"{kind.api}Name": job.name,
            f"{kind.api}Arn": job.arn,
            f"{kind.api}Status": status,
            "CreationTime": created,
            f"{prefix}StartTime": step.started_at,
            f"{prefix}EndTime": step.ended_at if job.is_last else None,
            "LastModifiedTime": max(changed, created),
            "FailureReason": self._reason(job) if status == "Failed" else None,
        }
        if kind is TRAINING:
            fields |= _of_training(job, fields)
        if kind is PROCESSING:
            fields.setdefault("ProcessingResources", {})
        return fields

    @staticmethod
    def _reason(job: FoundJob) -> str | None:
        if not job.is_last:
            return "This attempt failed, and the step was tried again. Its log says why."
        return job.step.failure_reason or job.execution.known.failure_reason

    def _request(self, job: FoundJob) -> dict[str, Any]:
        """What the job was asked for: of a step its latest attempt, which alone is written down."""
        if "request" in job.execution.asked:
            return dict(job.execution.asked["request"])
        folder = step_folder(self._home, job.execution.known.execution_id, job.step.name)
        try:
            request: dict[str, Any] = json.loads((folder / "request.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}  # It is about to be written, or the folder was removed.
        return request


def _of_training(job: FoundJob, fields: dict[str, Any]) -> dict[str, Any]:
    """What only training jobs have."""
    status, step = fields["TrainingJobStatus"], job.step
    secondary = _SECONDARY.get(status, status)
    begun, ended = step.started_at or fields["CreationTime"], step.ended_at
    transitions = [
        {
            "Status": "Training",
            "StartTime": begun,
            "StatusMessage": "Training is in progress on this machine",
            **({"EndTime": ended} if ended is not None else {}),
        }
    ]
    if secondary != "Training":
        message = fields["FailureReason"] or f"Training job {status.lower()}"
        transitions.append(
            {
                "Status": secondary,
                "StartTime": ended or begun,
                "EndTime": ended or begun,
                "StatusMessage": message,
            }
        )
    seconds = 0 if ended is None else max(1, round(ended - begun))
    return {
        "SecondaryStatus": secondary,
        "SecondaryStatusTransitions": transitions,
        "ModelArtifacts": fields.get("ModelArtifacts") or {"S3ModelArtifacts": ""},
        **({"TrainingTimeInSeconds": seconds, "BillableTimeInSeconds": seconds} if seconds else {}),
        "FinalMetricDataList": [
            {**each, "Timestamp": moment(each["Timestamp"]) if "Timestamp" in each else ended}
            for each in fields.get("FinalMetricDataList") or ()
        ],
    }
