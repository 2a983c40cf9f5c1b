"""What `run --result` writes and `show --json` prints: a contract with other programs; no key is ever missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.execution import ExecutionRecord

if TYPE_CHECKING:
    from pipeline.analysis.evaluation import Evaluation, Registration

CANDIDATE_KEYS = (
    "name",
    "seed",
    "params",
    "train_accuracy",
    "validation_accuracy",
    "test_accuracy",
    "images_per_second",
    "train_seconds",
)


def run_result(
    record: ExecutionRecord,
    evaluation: Evaluation | None,
    registration: Registration | None,
    report: Path | None,
) -> dict[str, Any]:
    """The result of an execution as plain JSON values.

    `evaluation` and `registration` are the contents of the evaluation step's evaluation.json and
    registration.json, None where the execution did not get there: then `candidates` is empty, and `winner`
    (a candidate's name) and `gate` are null. `model_package_arn` is that of the evaluation, or of the first
    RegisterModel step of another project's pipeline, or null. Accuracies are fractions, times are seconds.

    An execution ends as Succeeded, Failed or Stopped here: SageMaker's CompletedWithFailures reads Failed, so that
    a program which waits for one of the three does not wait for ever.
    """
    gate = winner = None
    candidates: list[dict[str, Any]] = []
    if evaluation is not None:
        gate = {"passed": evaluation["gate"]["passed"], "reason": evaluation["gate"]["reason"]}
        winner = evaluation["winner"]["name"]
        entries: Sequence[Mapping[str, object]] = evaluation["candidates"]
        candidates = [{key: each[key] for key in CANDIDATE_KEYS} for each in entries]
    return {
        "execution_id": record.execution_id,
        "status": "Failed" if record.status == "CompletedWithFailures" else record.status,
        "failure_reason": _failure_reason(record),
        "steps": [
            {
                "name": step.name,
                "type": step.type,
                "status": step.status,
                "seconds": step.seconds,
                "cached": step.cached,
            }
            for step in record.steps
        ],
        "candidates": candidates,
        "winner": winner,
        "gate": gate,
        "model_package_arn": _model_package_arn(record, registration),
        "report": None if report is None else str(report),
    }


def _failure_reason(record: ExecutionRecord) -> str | None:
    if record.failure_reason is None and record.status == "CompletedWithFailures":
        failed = ", ".join(step.name for step in record.steps if step.status == "Failed") or "none it lists"
        return f"SageMaker ended the execution as CompletedWithFailures. Failed steps: {failed}."
    return record.failure_reason


def _model_package_arn(record: ExecutionRecord, registration: Registration | None) -> str | None:
    if registration is not None:
        return registration["model_package_arn"]
    registered = (
        step.properties.get("ModelPackageArn") for step in record.steps if step.type == "RegisterModel"
    )
    return next((arn for arn in registered if arn is not None), None)
