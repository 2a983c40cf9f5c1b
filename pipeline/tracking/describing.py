"""What an execution becomes in MLflow: a run of its own, and one below it for each training. Pure.

The same execution gives the same runs, whether it is described while it runs or a year later, on every target.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import cast

from pipeline.analysis.evaluation import NOT_RECORDED, Candidate
from pipeline.execution import ExecutionRecord, StepRecord
from pipeline.report.outcome import Outcome
from pipeline.tracking.epochs import epochs_of_history, points_of
from pipeline.tracking.runs import Artifact, Point, Run, RunStatus
from pipeline.view.loglines import EpochLine

PREFIX = "fashion"
_STATUSES: Mapping[str, RunStatus] = {
    "Succeeded": "FINISHED",
    "Failed": "FAILED",
    "CompletedWithFailures": "FAILED",
    "Stopped": "KILLED",
}
_NOT_BEGUN = frozenset({"Pending", "Skipped"})
# What evaluation.json says of a candidate, and how it is called there as a metric.
_MEASURED = (
    *(f"{split}_{measure}" for split in ("train", "validation", "test") for measure in ("accuracy", "loss")),
    "images_per_second", "train_seconds", "params", "forward_flops",
)  # fmt: skip
_CARDS = ("model-card.json", "model-card.md")
_NOTHING = Outcome(None, None, None, None)

Epochs = Mapping[str, Sequence[EpochLine]]


def describe_execution(
    record: ExecutionRecord,
    epochs: Epochs,
    outcome: Outcome | None = None,
    jobs: Mapping[str, str] | None = None,
    commit: str | None = None,
) -> tuple[Run, ...]:
    """The runs of an execution, its own first.

    `epochs` are what the trainings' logs told, `jobs` the ARNs of jobs, each by step; `outcome` is what the
    evaluation left, None while there is none. `commit`: the git commit of the code that trained, where it is known.
    """
    outcome = outcome or _NOTHING
    candidates = {each["id"]: each for each in outcome.evaluation["candidates"]} if outcome.evaluation else {}
    first = {} if commit is None else {"mlflow.source.git.commit": commit, f"{PREFIX}.commit": commit}
    evaluated_at = _evaluated_at(record)
    trainings = [
        _training(
            record,
            step,
            epochs.get(step.name, ()),
            candidate,
            (jobs or {}).get(step.name),
            evaluated_at,
            first,
        )
        for step in record.steps
        if step.type == "Training" and step.status not in _NOT_BEGUN
        for candidate in [candidates.get(step.name.removeprefix("Train-"))]
    ]
    return (_execution(record, outcome, evaluated_at, first), *trainings)


def _execution(
    record: ExecutionRecord, outcome: Outcome, evaluated_at: float | None, first: Mapping[str, str]
) -> Run:
    """The run of the execution itself."""
    evaluation, registration = outcome.evaluation, outcome.registration or NOT_RECORDED
    tags: dict[str, object] = {
        f"{PREFIX}.target": record.target,
        f"{PREFIX}.status": record.status,
        f"{PREFIX}.failure_reason": record.failure_reason,
        "mlflow.note.content": _note(record, outcome),
    }
    points: tuple[Point, ...] = ()
    if evaluation:
        winner = evaluation["winner"]
        tags |= {
            f"{PREFIX}.winner": winner["id"],
            f"{PREFIX}.gate": "passed" if evaluation["gate"]["passed"] else "missed",
            f"{PREFIX}.data_digest": evaluation["data"]["data_digest"],
            f"{PREFIX}.model_package_arn": registration["model_package_arn"],
            f"{PREFIX}.model_package_version": registration["version"],
        }
        points = tuple(
            _points(
                {
                    "winner/validation_accuracy": winner["validation_accuracy"],
                    "winner/test_accuracy": winner["test_accuracy"],
                    "winner/params": winner["params"],
                },
                evaluated_at,
            )
        )
    return Run(
        step="",
        name=record.execution_id,
        status=_STATUSES.get(record.status, "RUNNING"),
        started_at=record.started_at,
        ended_at=record.ended_at,
        params=_texts(record.parameters),
        tags=_texts(tags),
        first_tags=first,
        points=points,
        artifacts=tuple(_artifacts(outcome)),
    )


def _training(
    record: ExecutionRecord,
    step: StepRecord,
    epochs: Sequence[EpochLine],
    candidate: Candidate | None,
    job: str | None,
    evaluated_at: float | None,
    first: Mapping[str, str],
) -> Run:
    """The run of one training; `candidate` is what evaluation.json says of it."""
    started_at = record.started_at if step.started_at is None else step.started_at
    params = dict(step.properties.get("HyperParameters") or {})
    tags = {
        f"{PREFIX}.status": step.status,
        f"{PREFIX}.failure_reason": step.failure_reason,
        f"{PREFIX}.job_arn": job or step.properties.get("TrainingJobArn"),
        f"{PREFIX}.reused_from": step.reused_from,
        f"{PREFIX}.part_of": step.part_of,
    }
    points: list[Point] = []
    if candidate is not None:
        # On AWS the record has no request; the names are those of the flags.
        known = {name.replace("_", "-"): value for name, value in candidate["hyperparameters"].items()}
        params = params or {name: value for name, value in known.items() if value is not None}
        tags |= {
            f"{PREFIX}.data_digest": candidate["environment"].get("data_digest"),
            f"{PREFIX}.code_digest": candidate["environment"].get("code_digest"),
            f"{PREFIX}.artifact_uri": candidate["artifact_uri"],
            f"{PREFIX}.artifact_sha256": candidate["artifact_sha256"],
        }
        epochs = epochs or epochs_of_history(candidate["history"])
        scores = cast(Mapping[str, float | None], candidate)
        points = _points({f"evaluated/{name}": scores.get(name) for name in _MEASURED}, evaluated_at)
    return Run(
        step=step.name,
        name=step.name,
        status=_STATUSES.get(step.status, "RUNNING"),
        started_at=started_at,
        ended_at=step.ended_at,
        params=_texts(params),
        tags=_texts(tags),
        first_tags=first,
        points=(*points_of(epochs, started_at), *points),
    )


def _evaluated_at(record: ExecutionRecord) -> float | None:
    """When the evaluation ended."""
    return next((step.ended_at for step in record.steps if step.name == "Evaluate"), None)


def _points(values: Mapping[str, float | None], at: float | None) -> list[Point]:
    """A point for each value there is; none when it is not known when they were measured."""
    if at is None:
        return []
    return [
        Point(key, float(value), round(at * 1000), 0)
        for key, value in values.items()
        if value is not None and math.isfinite(value)
    ]


def _artifacts(outcome: Outcome) -> Iterator[Artifact]:
    """The report with the model card beside it, and the evaluation."""
    if outcome.evaluation is not None:
        yield Artifact(
            "evaluation.json", text=json.dumps(outcome.evaluation, indent=2, sort_keys=True) + "\n"
        )
    if outcome.report is not None:
        for file in (outcome.report, *(outcome.report.with_name(name) for name in _CARDS)):
            if Path(file).is_file():
                yield Artifact(file.name, path=str(file))


def _note(record: ExecutionRecord, outcome: Outcome) -> str:
    """What MLflow shows as the run's description, in Markdown."""
    lines = [f"Execution `{record.execution_id}` of the pipeline {record.pipeline_name}: {record.status}."]
    if outcome.evaluation is not None:
        lines.append(f"Gate: {outcome.evaluation['gate']['reason']}")
    registration = outcome.registration or NOT_RECORDED
    if (version := registration["version"]) is not None:
        lines.append(
            f"Registered as version {version}, `{registration['model_package_arn']}`: "
            f"`python -m pipeline registry show {version}{record.flag}`"
        )
    lines.append(f"In full: `python -m pipeline show {record.execution_id}{record.flag}`")
    return "\n\n".join(lines)


def _texts(values: Mapping[str, object]) -> dict[str, str]:
    """The values that are there, as texts."""
    return {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in values.items()
        if value is not None and value != ""
    }
