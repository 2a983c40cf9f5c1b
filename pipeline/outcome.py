"""What an execution's evaluation left, read from its files: the same on every target."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.execution import ExecutionRecord


@dataclass(frozen=True)
class Outcome:
    """What the evaluation step of an execution wrote, and the report; None where it did not come to that."""

    evaluation: dict[str, Any] | None
    registration: dict[str, Any] | None
    predictions: Path | None
    report: Path | None
    gallery: Path | None = None
    model_card: dict[str, Any] | None = None


def read_files(files: Mapping[str, Path], reused_from: str | None, report: Path | None) -> Outcome:
    """The outcome out of the files of the evaluation's output, by name; `reused_from`: whose evaluation was reused.

    Another project's pipeline may have an output of that name too: what is in it is not this project's evaluation.
    """
    evaluation = _json(files.get("evaluation.json"))
    if evaluation is None or not evaluation.keys() >= {"schema_version", "gate", "winner", "candidates"}:
        return Outcome(None, None, None, report)
    registration = _json(files.get("registration.json"))
    if registration is not None and reused_from is not None:
        registration = _of_earlier_execution(registration, reused_from)
    return Outcome(
        evaluation,
        registration,
        files.get("predictions.npz"),
        report,
        files.get("gallery.npz"),
        _json(files.get("model-card.json")),
    )


def write_report_of(record: ExecutionRecord, outcome: Outcome, out: Path) -> Path:
    """Writes the HTML report of an execution to `out` and returns that. Needs an evaluation."""
    from pipeline.report import write_report

    if outcome.evaluation is None:
        raise ValueError(f"execution {record.execution_id} has no evaluation to report")
    return write_report(
        record,
        outcome.evaluation,
        outcome.registration or {},
        out,
        outcome.predictions,
        outcome.gallery,
        outcome.model_card,
    )


def _of_earlier_execution(registration: dict[str, Any], execution_id: str) -> dict[str, Any]:
    """What the evaluation that was reused registered then, as this execution has to tell it."""
    if registration.get("version") is None:
        return registration
    reason = (
        f"Version {registration['version']}, by execution {execution_id}, whose evaluation was reused. Nothing was "
        "registered anew."
    )
    return {**registration, "registered": False, "reason": reason}


def _json(file: Path | None) -> dict[str, Any] | None:
    """The object in a JSON file; None when there is no file, or something else in it."""
    if file is None:
        return None
    try:
        content = json.loads(file.read_bytes())
    except ValueError:
        return None
    return content if isinstance(content, dict) else None
