"""Tells the event bus of what changes: executions, their steps and jobs, endpoints, model packages.

The forms are those of "Events that Amazon SageMaker AI sends to Amazon EventBridge" in the developer guide.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from pipeline.execution import EXECUTION_ENDS, ExecutionRecord, StepRecord
from pipeline.local.endpoint.event_bus import EventBus
from pipeline.local.endpoint.execution import Execution
from pipeline.local.endpoint.job_index import KINDS, TUNING, FoundJob
from pipeline.local.endpoint.jobs import JOB_STATUSES, Jobs
from pipeline.local.endpoint.named import Tags
from pipeline.local.endpoint.names import execution_arn, pipeline_arn
from pipeline.local.endpoint.steps import NOT_LISTED, shown
from pipeline.local.endpoint.wire import only_known
from pipeline.local.jobs.job import time_text
from pipeline.local.jobs.runner import name_job

_KIND_OF = {kind.step_type: kind for kind in KINDS}
_TIMES = re.compile(r".*(?:Time|Timestamp)")
_PACKAGE = (
    "ModelPackageGroupName", "ModelPackageVersion", "ModelPackageArn", "ModelPackageDescription", "CreationTime",
    "InferenceSpecification", "ModelPackageStatus", "ModelPackageStatusDetails", "CertifyForMarketplace",
    "ModelApprovalStatus", "ApprovalDescription", "MetadataProperties", "ModelMetrics", "ModelLifeCycle",
    "CustomerMetadataProperties", "LastModifiedTime",
)  # fmt: skip


class StateChanges:
    """Is told of changes, from several threads, and tells of each."""

    def __init__(self, bus: EventBus, jobs: Jobs, tags: Tags) -> None:
        self._bus = bus
        self._jobs = jobs
        self._tags = tags

    def execution_changed(
        self,
        execution: Execution,
        before: ExecutionRecord | None,
        before_status: str | None,
        told: Collection[str],
    ) -> None:
        """An execution has another record, or is told to stop; see Tell."""
        if not self._bus.is_listened_to:
            return
        steps = {} if before is None else {step.name: step for step in before.steps}
        for step in execution.known.steps:
            was = steps.get(step.name)
            if step.type in _KIND_OF:
                self._jobs_changed(execution, step, was, step.name in told)
            if execution.key and step.status not in ("" if was is None else was.status, *NOT_LISTED):
                self._tell_step(execution, step, was)
        if execution.key and execution.status != before_status:
            self._tell_execution(execution, before_status)

    def endpoint_changed(self, record: Mapping[str, Any]) -> None:
        """An endpoint has another status."""
        if not self._bus.is_listened_to:
            return
        # The developer guide's example of the event has another form than the API.
        status = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", record["EndpointStatus"]).upper()
        detail = {
            "EndpointName": record["EndpointName"],
            "EndpointArn": record["EndpointArn"],
            "EndpointConfigName": record["EndpointConfigName"],
            "ProductionVariants": record["ProductionVariants"],
            "EndpointStatus": status,
            **({"FailureReason": record["FailureReason"]} if record.get("FailureReason") else {}),
            "CreationTime": _milliseconds(record["CreationTime"]),
            "LastModifiedTime": _milliseconds(record["LastModifiedTime"]),
            "Tags": self._tags.of(record["EndpointArn"]),
        }
        self._bus.tell("SageMaker Endpoint State Change", [record["EndpointArn"]], detail)

    def package_changed(self, before: Mapping[str, Any] | None, now: Mapping[str, Any]) -> None:
        """A model package was made, or updated."""
        if not self._bus.is_listened_to:
            return
        detail = {name: now[name] for name in _PACKAGE if name in now}
        for name in ("CreationTime", "LastModifiedTime"):
            if name in detail:
                detail[name] = time_text(datetime.fromisoformat(detail[name]).timestamp())
        if before is not None:
            changed = [
                name for name in _PACKAGE if name != "LastModifiedTime" and before.get(name) != now.get(name)
            ]
            detail["UpdatedModelPackageFields"] = changed
        self._bus.tell("SageMaker Model Package State Change", [now["ModelPackageArn"]], detail)

    def _jobs_changed(
        self, execution: Execution, step: StepRecord, was: StepRecord | None, just_told: bool
    ) -> None:
        kind = _KIND_OF[step.type]
        stopping = execution.stop_of(step.name).is_set()
        old = {} if was is None else _statuses(execution, was, stopping and not just_told)
        for attempt, status in _statuses(execution, step, stopping).items():
            if old.get(attempt) == status:
                continue
            name = name_job(execution.known.execution_id, step.name, attempt)
            job = FoundJob(kind, name, execution, step, attempt)
            described = only_known(f"Describe{kind.api}", self._jobs.fields(job))
            detail = {
                **_in_milliseconds(described),
                f"{kind.api}Status": status,
                "Tags": self._tags.of(job.arn),
            }
            word = "HyperParameter Tuning" if kind is TUNING else kind.step_type
            self._bus.tell(f"SageMaker {word} Job State Change", [job.arn], detail)

    def _tell_execution(self, execution: Execution, before: str | None) -> None:
        record, asked = execution.known, execution.asked
        detail = {
            "pipelineExecutionDisplayName": asked.get("PipelineExecutionDisplayName"),
            "currentPipelineExecutionStatus": execution.status,
            "previousPipelineExecutionStatus": before,
            "executionStartTime": time_text(record.started_at),
            "executionEndTime": None if record.ended_at is None else time_text(record.ended_at),
            "pipelineExecutionDescription": asked.get("PipelineExecutionDescription"),
            "failureReason": record.failure_reason if execution.status in EXECUTION_ENDS else None,
        }
        self._tell_of(execution, "SageMaker Model Building Pipeline Execution Status Change", detail)

    def _tell_step(self, execution: Execution, step: StepRecord, was: StepRecord | None) -> None:
        said = shown(execution.key, execution.known, step, {})
        detail = {
            "metadata": _in_small_letters(said.get("Metadata") or {}),
            "stepStartTime": None if step.started_at is None else time_text(step.started_at),
            "stepEndTime": None if step.ended_at is None else time_text(step.ended_at),
            "stepName": step.name,
            "stepType": step.type,
            "previousStepStatus": None if was is None or was.status in NOT_LISTED else was.status,
            "currentStepStatus": step.status,
            "failureReason": step.failure_reason,
            "cacheHitResult": _in_small_letters(said.get("CacheHitResult")),
        }
        self._tell_of(execution, "SageMaker Model Building Pipeline Execution Step Status Change", detail)

    def _tell_of(self, execution: Execution, detail_type: str, detail: Mapping[str, Any]) -> None:
        pipeline = pipeline_arn(execution.key)
        arn = execution_arn(execution.key, execution.asked["id"])
        given = {name: value for name, value in detail.items() if value is not None}
        whole = {**given, "pipelineArn": pipeline, "pipelineExecutionArn": arn}
        self._bus.tell(detail_type, [pipeline, arn], whole)


def _statuses(execution: Execution, step: StepRecord, stopping: bool) -> dict[int, str]:
    """The statuses of a step's jobs by attempt; `stopping`: it is told to stop."""
    if step.cached:
        return {}
    # A job by itself is there from the moment that it was asked for.
    last = max(step.attempts, 0 if execution.key else 1)
    found = dict.fromkeys(range(1, last), "Failed")
    if last:
        own = "Executing" if step.status == "Pending" else step.status
        found[last] = (
            "Stopping" if stopping and own in ("Starting", "Executing") else JOB_STATUSES.get(own, own)
        )
    return found


def _milliseconds(seconds: float) -> int:
    return int(seconds * 1000)


def _in_milliseconds(value: Any) -> Any:
    """A description whose times are milliseconds, as events have them, instead of seconds."""
    if isinstance(value, Mapping):
        return {
            name: _milliseconds(each)
            if _TIMES.fullmatch(name) and isinstance(each, int | float)
            else _in_milliseconds(each)
            for name, each in value.items()
        }
    return [_in_milliseconds(each) for each in value] if isinstance(value, list) else value


def _in_small_letters(value: Any) -> Any:
    """A description whose members begin with small letters, as in the events of pipelines."""
    if isinstance(value, Mapping):
        return {name[:1].lower() + name[1:]: _in_small_letters(each) for name, each in value.items()}
    return [_in_small_letters(each) for each in value] if isinstance(value, list) else value
