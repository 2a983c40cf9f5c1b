"""Writes what a study found as text files that can be committed: CSV, JSON and Markdown, nothing binary."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.analysis.evaluation import Evaluation, seeds_of
from pipeline.definition.parameters import PARAMETERS
from pipeline.errors import StateError
from pipeline.execution import ExecutionRecord
from pipeline.study.answers import COMPARISON_COLUMNS, IMAGE_COLUMNS, comparison_rows, image_rows, judge_study
from pipeline.study.figures import EPOCH_COLUMNS, RESULT_COLUMNS, Row, epoch_rows, result_rows, summary_rows
from pipeline.study.page import study_page
from pipeline.trials import search_in

SCHEMA_VERSION = 1
DOCUMENT = "study.json"


@dataclass(frozen=True)
class Origin:
    """On what, with what and from what the figures were made: see origin.py."""

    machine: Mapping[str, Any]
    versions: Mapping[str, str]
    git: Mapping[str, Any]


def study_document(
    record: ExecutionRecord, evaluation: Evaluation, predictions: Path | None, origin: Origin
) -> dict[str, Any]:
    """The content of study.json: everything that the other tables show, as JSON values.

    `predictions` is the path of the evaluation's predictions.npz, None if there is none.
    """
    results = result_rows(evaluation)
    digests = sorted({str(each["environment"].get("code_digest")) for each in evaluation["candidates"]})
    return {
        "schema_version": SCHEMA_VERSION,
        "command": command_line(record, evaluation),
        "execution_id": record.execution_id,
        "status": record.status,
        "started_at": record.started_at,
        "seconds": record.seconds,
        "parallel": record.parallel,
        "steps": [
            {"name": step.name, "seconds": step.seconds, "reused_from": step.reused_from}
            for step in record.steps
        ],
        "parameters": dict(record.parameters),
        "data_digest": evaluation["data"]["data_digest"],
        "training_code_digests": digests,
        "git": dict(origin.git),
        "machine": dict(origin.machine),
        "devices": sorted({str(each["environment"].get("device")) for each in evaluation["candidates"]}),
        "precisions": sorted(
            {str(each["environment"].get("precision")) for each in evaluation["candidates"]}
        ),
        "versions": dict(origin.versions),
        "gate": evaluation["gate"],
        "winner": evaluation["winner"],
        **search_rows(record),
        **judge_study(evaluation, predictions),
        "summary": summary_rows(results),
        "results": results,
        "epochs": epoch_rows(evaluation),
    }


def search_rows(record: ExecutionRecord) -> dict[str, Any]:
    """The trials of searches, best first, under the key `searches`; nothing of a study without."""
    searches = [found for step in record.steps if (found := search_in(step)) is not None]
    if not searches:
        return {}
    return {
        "searches": [
            {
                "search": search.step,
                "metric": search.metric,
                "trials": [
                    {"trial": trial.number, "status": trial.status, "value": trial.value, **trial.tuned}
                    for trial in search.trials
                ],
            }
            for search in searches
        ]
    }


def write_tables(folder: Path, document: Mapping[str, Any]) -> list[Path]:
    """Writes the files of a study into `folder`, each as a whole, and returns their paths.

    Raises:
        StateError: the folder cannot be written, or the disk is full.
    """
    contents = texts_of(document)
    files = {name: _digest(content) for name, content in contents.items()}
    whole = json.dumps({**document, "files": files}, indent=1, allow_nan=False, ensure_ascii=False) + "\n"
    # First, since it says which files are a study's own.
    contents = {DOCUMENT: whole, **contents}
    paths = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            partial = folder / f".{name}.unfinished"
            try:
                partial.write_text(content, encoding="utf-8")
                paths.append(partial.replace(folder / name))
            finally:
                partial.unlink(missing_ok=True)
    except OSError as error:
        raise StateError(
            f"Could not write the study's tables to {folder}: {error.strerror}. The trainings are kept: "
            f"write the tables elsewhere with --tables {document['execution_id']} --out DIR"
        ) from None
    return paths


def texts_of(document: Mapping[str, Any]) -> dict[str, str]:
    """What is written beside study.json, by the files' names."""
    summary: Sequence[Row] = document["summary"]
    return {
        "README.md": study_page(document),
        "results.csv": _csv(RESULT_COLUMNS, document["results"]),
        "summary.csv": _csv(tuple(summary[0]), summary),
        "differences.csv": _csv(COMPARISON_COLUMNS, comparison_rows(document["analysis"])),
        "images.csv": _csv(IMAGE_COLUMNS, image_rows(document["analysis"])),
        "epochs.csv": _csv(("candidate", "seed", *EPOCH_COLUMNS), document["epochs"]),
    }


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def command_line(record: ExecutionRecord, evaluation: Evaluation) -> str:
    """The command that makes the same figures: without where things lie and how they are shown."""
    counts = Counter(each["name"] for each in evaluation["candidates"])
    seeds = len(seeds_of(evaluation["candidates"]))
    candidates = [name if count == seeds else f"{name}:{count}" for name, count in counts.items()]
    words = ["python", "-m", "pipeline", "study", "--seeds", str(seeds), "--candidates", ",".join(candidates)]
    configs = [step.properties.get("HyperParameterTuningJobConfig") for step in record.steps]
    if config := next((found for found in configs if found), None):
        words += ["--tune", str(config["ResourceLimits"]["MaxNumberOfTrainingJobs"])]
        words += ["--tune-strategy", config["Strategy"]]
    defaults = {parameter.name: parameter.default for parameter in PARAMETERS}
    for name, value in record.parameters.items():
        if isinstance(value, int | float) and value != defaults.get(name):
            words += ["--param", f"{name}={value}"]
    return shlex.join(words)


def _csv(columns: Sequence[str], rows: Sequence[Row]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
