"""The steps of an execution as ListPipelineExecutionSteps shows them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from pipeline.execution import ExecutionRecord, StepRecord
from pipeline.local.endpoint.execution import Execution
from pipeline.local.endpoint.names import ARN, execution_arn
from pipeline.local.endpoint.pages import page
from pipeline.local.endpoint.wire import Request, known_of
from pipeline.local.jobs.runner import name_job
from pipeline.spec.for_each import COUNTS

# What the service does not list: a step that has not begun, or is on a branch that was not taken.
NOT_LISTED = ("Pending", "Skipped")
# Types of steps that are a job: the member of the metadata, and the word in the job's ARN.
_JOBS = {
    "Training": ("TrainingJob", "training-job"),
    "Processing": ("ProcessingJob", "processing-job"),
    "Transform": ("TransformJob", "transform-job"),
    "Tuning": ("TuningJob", "hyper-parameter-tuning-job"),
}
_ARNS = {"Model": ("Model", "ModelArn"), "RegisterModel": ("RegisterModel", "ModelPackageArn")}


def listed_steps(execution: Execution, definition: str, request: Request) -> Request:
    """The answer to ListPipelineExecutionSteps."""
    record = execution.known
    steps = [step for step in record.steps if step.status not in NOT_LISTED]
    # Steps that were taken from another execution never began here: they come first.
    steps.sort(key=lambda step: step.started_at or 0.0)
    if request.get("SortOrder") != "Ascending":
        steps.reverse()
    items, more = page(steps, request)
    written = _written(definition)
    return {
        "PipelineExecutionSteps": [
            shown(execution.key, record, _as_told(execution, step), written.get(step.name, {}))
            for step in items
        ],
        **more,
    }


def _as_told(execution: Execution, step: StepRecord) -> StepRecord:
    """The step, Stopping if it is to end and has not."""
    stopping = step.status == "Executing" and execution.stop_of(step.name).is_set()
    return replace(step, status="Stopping") if stopping else step


def shown(key: str, record: ExecutionRecord, step: StepRecord, written: Mapping[str, Any]) -> Request:
    """A step as the service shows it; `written` is what its definition says."""
    source = None if step.reused_from is None else execution_arn(key, step.reused_from)
    # Of an earlier execution, because it was not selected, or because nothing that decides it has changed.
    not_selected = step.cached and step.started_at is None
    reused = {"SourcePipelineExecutionArn": source} if step.cached and source is not None else None
    return known_of(
        "PipelineExecutionStep",
        {
            "StepName": step.name,
            "StepDisplayName": written.get("DisplayName"),
            "StepDescription": written.get("Description"),
            "StartTime": step.started_at,
            "EndTime": step.ended_at,
            "StepStatus": step.status,
            "AttemptCount": step.attempts or None,
            "FailureReason": step.failure_reason,
            "CacheHitResult": None if not_selected else reused,
            "SelectiveExecutionResult": reused if not_selected else None,
            "Metadata": metadata(record, step, written),
        },
    )


def metadata(record: ExecutionRecord, step: StepRecord, written: Mapping[str, Any]) -> Request:
    """What the service tells of a step beside its course: the job, the outcome, the model."""
    properties = step.properties
    if step.type in _JOBS:
        member, word = _JOBS[step.type]
        named = properties.get(f"{member}Arn") or properties.get("HyperParameterTuningJobArn")
        job = named or f"{ARN}:{word}/{name_job(record.execution_id, step.name, max(1, step.attempts))}"
        return {member: {"Arn": job}}
    if step.type in _ARNS:
        member, arn = _ARNS[step.type]
        return {member: {"Arn": properties[arn]}} if arn in properties else {}
    match step.type:
        case "Condition":
            return {"Condition": {"Outcome": properties["Outcome"]}} if "Outcome" in properties else {}
        case "Fail":
            return {"Fail": {"ErrorMessage": step.failure_reason or ""}}
        case "Lambda":
            function = written.get("FunctionArn")
            known = {"Arn": function} if isinstance(function, str) else {}
            return {"Lambda": {**known, "OutputParameters": _outputs(properties)}}
        case "Callback":
            queue = written.get("SqsQueueUrl")
            known = {"SqsQueueUrl": queue} if isinstance(queue, str) else {}
            return {"Callback": {**known, "OutputParameters": _outputs(properties)}}
        case "QualityCheck" | "ClarifyCheck":
            return {step.type: known_of(f"{step.type}StepMetadata", {**properties, "SkipCheck": True})}
        case "ForEach":
            counts = {
                name: int(properties[name]) for name in COUNTS if isinstance(properties.get(name), int | str)
            }
            return {"ForEach": known_of("ForEachStepMetadata", {"Status": step.status, **counts})}
    return {}


def _outputs(properties: Mapping[str, Any]) -> list[dict[str, str]]:
    values = properties.get("OutputParameters") or {}
    return [
        {"Name": name, "Value": value if isinstance(value, str) else json.dumps(value)}
        for name, value in values.items()
    ]


def _written(text: str) -> dict[str, Mapping[str, Any]]:
    """The steps of a definition by name, those in branches and loops too."""

    def below(steps: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
        for step in steps or ():
            yield step["Name"], step
            arguments = step.get("Arguments")
            for branch in ("IfSteps", "ElseSteps", "ForEachBody") if isinstance(arguments, Mapping) else ():
                yield from below(arguments.get(branch))

    return dict(below(json.loads(text)["Steps"]))
