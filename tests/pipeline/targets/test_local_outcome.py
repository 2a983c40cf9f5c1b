"""Which of an execution's outputs are taken for this project's evaluation."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import StateError
from pipeline.execution import ExecutionRecord, StepRecord
from pipeline.local.state.objects import Objects
from pipeline.local.state.state_dir import Home
from pipeline.local.state.store import Store
from pipeline.report.outcome import FILES, require_results
from pipeline.targets.local_outcome import Outcome, read_outcome, report_file

Make = Callable[..., Any]


def outcome_of(
    record: ExecutionRecord, files: dict[str, bytes], folder: Path, reused_from: str | None = None
) -> Outcome:
    """What is read of an execution whose output `evaluation` holds `files`."""
    home = Home.open(folder / "home")
    output = {"OutputName": "evaluation", "S3Output": {"S3Uri": "s3://bucket/evaluation/"}}
    step = StepRecord(
        "Evaluate",
        "Processing",
        "Succeeded",
        cached=reused_from is not None,
        reused_from=reused_from,
        properties={"ProcessingOutputConfig": {"Outputs": [output]}},
    )
    with Store(home) as store:
        for name, content in files.items():
            Objects(home, store).put("bucket", f"evaluation/{name}", [content])
        return read_outcome(home, store, replace(record, steps=(step,)))


def test_this_projects_evaluation_is_read(
    make_evaluation: Make, make_registration: Make, make_record: Make, tmp_path: Path
) -> None:
    evaluation, registration = make_evaluation(), make_registration()
    files = {
        "evaluation.json": json.dumps(evaluation).encode(),
        "registration.json": json.dumps(registration).encode(),
        "predictions.npz": b"numbers",
        "gallery.npz": b"pixels",
        "model-card.json": b'{"model_overview": {}}',
    }
    outcome = outcome_of(make_record(evaluation), files, tmp_path)
    assert (outcome.evaluation, outcome.registration) == (evaluation, registration)
    assert outcome.predictions is not None
    assert outcome.predictions.read_bytes() == b"numbers"
    assert outcome.gallery is not None
    assert outcome.gallery.read_bytes() == b"pixels"
    assert outcome.model_card == {"model_overview": {}}


@pytest.mark.parametrize(
    "content",
    [b'{"regression_metrics": {}}', b"[1, 2]", b"not JSON", b"\xff", b'{"gate": {}, "winner": null}'],
)
def test_what_another_project_calls_evaluation_is_left_alone(
    make_record: Make, tmp_path: Path, content: bytes
) -> None:
    record = replace(make_record(), pipeline_name="another")
    outcome = outcome_of(record, {"evaluation.json": content, "predictions.npz": b"x"}, tmp_path)
    assert outcome == Outcome(None, None, None, None)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (None, "evaluation.json cannot be used: it is missing."),
        (b"", "evaluation.json cannot be used: it is empty."),
        (b"null", "evaluation.json cannot be used: it holds null, not an object."),
        (b'{"schema_version": 1', "evaluation.json cannot be used: it is not JSON (Expecting ',' delimiter"),
        (b'{"schema_version": NaN}', "evaluation.json cannot be used: it holds NaN."),
        (b'{"schema_version": 2}', "evaluation.json cannot be used: its schema_version is 2, and 1 is"),
    ],
)
def test_an_evaluation_of_this_project_that_cannot_be_used_gets_a_sentence(
    make_record: Make, tmp_path: Path, content: bytes | None, fault: str
) -> None:
    files = {"predictions.npz": b"x"} | ({} if content is None else {"evaluation.json": content})
    outcome = outcome_of(make_record(), files, tmp_path)
    assert outcome.evaluation is None
    assert outcome.faults[0].startswith(fault)
    with pytest.raises(
        StateError, match=r"The results of execution 8f3a2c9d41e7 cannot be shown: evaluation\.json"
    ):
        require_results(make_record(), outcome)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", ["changed", "gone"])
def test_what_was_changed_on_disk_is_not_shown(
    make_evaluation: Make, make_registration: Make, make_record: Make, tmp_path: Path, name: str, damage: str
) -> None:
    evaluation = make_evaluation()
    contents = {
        "evaluation.json": json.dumps(evaluation).encode(),
        "registration.json": json.dumps(make_registration()).encode(),
        "predictions.npz": b"numbers",
        "gallery.npz": b"pixels",
        "model-card.json": b'{"model_overview": {}}',
    }
    record = make_record(evaluation)
    outcome_of(record, contents, tmp_path)
    path = tmp_path / "home" / "objects"
    digest = hashlib.sha256(contents[name]).hexdigest()
    path = path / digest[:2] / digest
    changed = path.read_bytes().replace(b"0.911", b"0.999") + b" "
    path.unlink()
    if damage == "changed":
        path.write_bytes(changed)
    outcome = outcome_of(record, {}, tmp_path)
    (fault,) = outcome.faults
    assert fault.startswith(f"{name} cannot be used: ")
    assert digest in fault
    held = (
        outcome.evaluation,
        outcome.registration,
        outcome.predictions,
        outcome.gallery,
        outcome.model_card,
    )
    lost = [
        ("evaluation.json", "registration.json", "predictions.npz", "gallery.npz", "model-card.json").index(
            name
        )
    ]
    if name == "evaluation.json":
        lost = list(range(5))
    assert [index for index, value in enumerate(held) if value is None] == lost


@pytest.mark.parametrize("execution_id", ["", "..", "../other", "a/b"])
def test_a_report_is_looked_for_in_an_executions_own_folder(tmp_path: Path, execution_id: str) -> None:
    home = Home.open(tmp_path / "home")
    for folder in (tmp_path / "home", tmp_path / "home" / "executions" / "abc", tmp_path / "home" / "other"):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "report.html").touch()
    assert report_file(home, execution_id) is None
    assert report_file(home, "abc") == home.root / "executions" / "abc" / "report.html"
    assert report_file(home, "def") is None


def test_a_reused_evaluation_tells_the_version_it_registered_then(
    make_evaluation: Make, make_registration: Make, make_record: Make, tmp_path: Path
) -> None:
    evaluation, registration = make_evaluation(), make_registration()
    files = {
        "evaluation.json": json.dumps(evaluation).encode(),
        "registration.json": json.dumps(registration).encode(),
    }
    outcome = outcome_of(make_record(evaluation), files, tmp_path, reused_from="earlier12345")
    assert outcome.registration == {
        **registration,
        "registered": False,
        "reason": "Version 3, by execution earlier12345, whose evaluation was reused. Nothing was registered anew.",
    }


def test_a_reused_evaluation_that_registered_nothing_says_why(
    make_evaluation: Make, make_registration: Make, make_record: Make, tmp_path: Path
) -> None:
    evaluation, registration = make_evaluation(passed=False), make_registration(registered=False)
    files = {
        "evaluation.json": json.dumps(evaluation).encode(),
        "registration.json": json.dumps(registration).encode(),
    }
    outcome = outcome_of(make_record(evaluation), files, tmp_path, reused_from="earlier12345")
    assert outcome.registration == registration
