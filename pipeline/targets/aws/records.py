"""An execution in SageMaker as the record that view, report and `--result` know. Pure: answers in, a record out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from pipeline.execution import EXECUTION_ENDS, ExecutionRecord, StepRecord, StepStatus
from pipeline.targets.aws.answers import OddAnswerError
from pipeline.targets.aws.listed_steps import Graph, Node

JobKind = Literal["TrainingJob", "ProcessingJob"]
JOB_KINDS: tuple[JobKind, ...] = ("TrainingJob", "ProcessingJob")


@dataclass(frozen=True)
class JobRef:
    """The job of a step. `own` is False for one that an earlier execution ran, whose result is reused."""

    kind: JobKind
    arn: str
    own: bool
    step: str = ""

    @property
    def name(self) -> str:
        """The job's name as its ARN has it, perhaps in small letters."""
        return self.arn.rpartition("/")[2]

    @property
    def names(self) -> tuple[str, ...]:
        """What the job may be called: as its ARN says, and with the step's own letters.

        Pipelines makes the name of the execution, the step (cut where it is long) and something random.
        """
        found = re.fullmatch(r"(pipelines-[a-z0-9]+-)(.+)(-[^-]+)", self.name)
        if found is None or not self.step.lower().startswith(found[2].lower()):
            return (self.name,)
        own = f"{found[1]}{self.step[: len(found[2])]}{found[3]}"
        return tuple(dict.fromkeys((self.name, own)))


@dataclass(frozen=True)
class AwsExecution:
    """An execution: its record, its ARN and the jobs of its steps, by step."""

    arn: str
    record: ExecutionRecord
    jobs: Mapping[str, JobRef]

    @property
    def ended(self) -> bool:
        """Whether nothing will happen to it any more."""
        return self.record.ended


def make_execution(
    described: Mapping[str, Any],
    listed: Iterable[Mapping[str, Any]],
    given: Iterable[Mapping[str, str]],
    graph: Graph,
) -> AwsExecution:
    """The execution out of DescribePipelineExecution, ListPipelineExecutionSteps and …ParametersForExecution."""
    arn = described["PipelineExecutionArn"]
    status = described["PipelineExecutionStatus"]
    steps_listed = {each["StepName"]: each for each in listed}
    outcomes = {
        name: each.get("Metadata", {}).get("Condition", {}).get("Outcome")
        for name, each in steps_listed.items()
    }
    selected = {
        each["StepName"] for each in described.get("SelectiveExecutionConfig", {}).get("SelectedSteps", [])
    }
    steps = tuple(
        _step(node, steps_listed[node.name])
        if node.name in steps_listed
        else StepRecord(node.name, node.type, _unlisted(node, outcomes, status, selected))
        for node in graph.nodes
    )
    jobs = {name: ref for name, each in steps_listed.items() if (ref := job_of(each)) is not None}
    record = ExecutionRecord(
        execution_id=id_of(arn),
        pipeline_name=described["PipelineArn"].rpartition("/")[2],
        target="sagemaker",
        status=status,
        parameters=_parameters(graph, given),
        started_at=epoch(described["CreationTime"]) or 0.0,
        ended_at=_end(described, steps) if status in EXECUTION_ENDS else None,
        failure_reason=described.get("FailureReason"),
        steps=steps,
        parallel=described.get("ParallelismConfiguration", {}).get("MaxParallelExecutionSteps"),
    )
    return AwsExecution(arn, record, jobs)


def id_of(arn: str) -> str:
    """The execution's id out of its ARN."""
    return arn.rpartition("/")[2]


def epoch(moment: datetime | None) -> float | None:
    """A time of AWS's in seconds since the epoch."""
    return None if moment is None else moment.timestamp()


def _end(described: Mapping[str, Any], steps: Sequence[StepRecord]) -> float:
    """SageMaker tells when an execution last changed; its last step may have ended a moment later."""
    changed = epoch(described["LastModifiedTime"]) or 0.0
    return max([changed, *(step.ended_at for step in steps if step.ended_at is not None)])


def _step(node: Node, listed: Mapping[str, Any]) -> StepRecord:
    source = listed.get("CacheHitResult") or listed.get("SelectiveExecutionResult") or {}
    reused = source.get("SourcePipelineExecutionArn")
    metadata = listed.get("Metadata", {})
    return StepRecord(
        name=node.name,
        type=node.type,
        status=listed["StepStatus"],
        started_at=epoch(listed.get("StartTime")),
        ended_at=epoch(listed.get("EndTime")),
        cached=reused is not None,
        reused_from=None if reused is None else id_of(reused),
        attempts=listed.get("AttemptCount") or 1,
        failure_reason=listed.get("FailureReason") or metadata.get("Fail", {}).get("ErrorMessage"),
        properties={"Outcome": outcome} if (outcome := metadata.get("Condition", {}).get("Outcome")) else {},
    )


def _unlisted(
    node: Node, outcomes: Mapping[str, str | None], status: str, selected: Iterable[str]
) -> StepStatus:
    """What a step is that SageMaker does not list: still to come, or on a branch that was not taken."""
    for condition, taken in node.branch:
        outcome = outcomes.get(condition)
        if outcome is not None and (outcome.lower() == "true") != taken:
            return "Skipped"
    if selected and node.name not in selected and not node.branch:
        return "Skipped"
    return "Skipped" if status in ("Succeeded", "CompletedWithFailures") else "Pending"


def job_of(listed: Mapping[str, Any]) -> JobRef | None:
    """The job of a step as ListPipelineExecutionSteps lists it; None when it has none."""
    own = not (listed.get("CacheHitResult") or listed.get("SelectiveExecutionResult"))
    for kind in JOB_KINDS:
        arn = listed.get("Metadata", {}).get(kind, {}).get("Arn")
        if arn:
            return JobRef(kind, arn, own, listed["StepName"])
    return None


def _parameters(graph: Graph, given: Iterable[Mapping[str, str]]) -> dict[str, Any]:
    """Every parameter's value in its type."""
    texts = {each["Name"]: each["Value"] for each in given}
    values: dict[str, Any] = {}
    for name, (kind, default) in graph.parameters.items():
        text = texts.get(name)
        if text is None:
            values[name] = default
        else:
            try:
                values[name] = {"Integer": int, "Float": float}.get(kind, str)(text)
            except ValueError as error:
                raise OddAnswerError(
                    "ListPipelineParametersForExecution", f"{name} should be of type {kind}, and is {text!r}"
                ) from error
    return values
