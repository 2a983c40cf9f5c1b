"""What an execution left in its folder of the local state: the evaluation's files, the report, the steps' logs."""

from __future__ import annotations

import json
import re
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.execution import ExecutionRecord, StepRecord
from pipeline.local.home import Home
from pipeline.local.objects import stored_files
from pipeline.local.store import Store

LOG_TAIL_LINES = 20


@dataclass(frozen=True)
class Outcome:
    """What the evaluation step of an execution wrote, and the report; None where it did not come to that."""

    evaluation: dict[str, Any] | None
    registration: dict[str, Any] | None
    predictions: Path | None
    report: Path | None
    gallery: Path | None = None
    model_card: dict[str, Any] | None = None


def output_uri(record: ExecutionRecord, name: str) -> str | None:
    """The S3 URI of the processing output called `name` of a step that succeeded, without a slash at its end."""
    found = _output(record, name)
    return None if found is None else found[1]


def _output(record: ExecutionRecord, name: str) -> tuple[StepRecord, str] | None:
    """The step that has the output, and the output's URI."""
    for step in record.steps:
        outputs = step.properties.get("ProcessingOutputConfig", {}).get("Outputs", [])
        for output in outputs.values() if isinstance(outputs, dict) else outputs:
            if output.get("OutputName") == name and step.status == "Succeeded":
                return step, output["S3Output"]["S3Uri"].rstrip("/")
    return None


def read_outcome(home: Home, store: Store, record: ExecutionRecord) -> Outcome:
    """What the execution's evaluation step wrote, from the stored objects; needs no services.

    Another project's pipeline may have an output of that name too: what is in it is not this project's evaluation.
    """
    found = _output(record, "evaluation")
    files = {} if found is None else stored_files(home, store, found[1])
    evaluation = _json(files.get("evaluation.json"))
    if evaluation is None or not evaluation.keys() >= {"schema_version", "gate", "winner", "candidates"}:
        evaluation, files = None, {}
    registration = _json(files.get("registration.json"))
    if registration is not None and found is not None and found[0].reused_from is not None:
        registration = _of_earlier_execution(registration, found[0].reused_from)
    return Outcome(
        evaluation=evaluation,
        registration=registration,
        predictions=files.get("predictions.npz"),
        report=report_file(home, record.execution_id),
        gallery=files.get("gallery.npz"),
        model_card=_json(files.get("model-card.json")),
    )


def report_file(home: Home, execution_id: str) -> Path | None:
    """The report of an execution, where it was built; None when there is none."""
    if not re.fullmatch(r"[A-Za-z0-9-]+", execution_id):  # a package's metadata may say anything
        return None
    report = home.execution(execution_id) / "report.html"
    return report if report.is_file() else None


def _of_earlier_execution(registration: dict[str, Any], execution_id: str) -> dict[str, Any]:
    """What the evaluation that was reused registered then, as this execution has to tell it."""
    if registration.get("version") is None:
        return registration
    reason = (
        f"Version {registration['version']}, by execution {execution_id}, whose evaluation was reused. Nothing was "
        "registered anew."
    )
    return {**registration, "registered": False, "reason": reason}


def build_report(home: Home, record: ExecutionRecord, outcome: Outcome) -> Path:
    """Writes the HTML report into the execution's folder and returns its path. Needs an evaluation."""
    from pipeline.report import write_report

    if outcome.evaluation is None:
        raise ValueError(f"execution {record.execution_id} has no evaluation to report")
    out = home.execution(record.execution_id) / "report.html"
    return write_report(
        record,
        outcome.evaluation,
        outcome.registration or {},
        out,
        outcome.predictions,
        outcome.gallery,
        outcome.model_card,
    )


def log_tails(home: Home, record: ExecutionRecord) -> dict[str, list[str]]:
    """The last lines of the log of each step that failed."""
    tails = {}
    for step in record.steps:
        log = home.step_log(record.execution_id, step.name)
        if step.status == "Failed" and log.is_file():
            with log.open(encoding="utf-8", errors="replace") as lines:
                tails[step.name] = [line.rstrip("\n") for line in deque(lines, LOG_TAIL_LINES)]
    return tails


def _json(file: Path | None) -> dict[str, Any] | None:
    """The object in a JSON file; None when there is no file, or something else in it."""
    if file is None:
        return None
    try:
        content = json.loads(file.read_bytes())
    except ValueError:
        return None
    return content if isinstance(content, dict) else None
