"""When the report of an earlier execution serves again, and what the copy says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.analysis.evaluation import NOT_RECORDED, Registration
from pipeline.execution import ExecutionRecord
from pipeline.local.state.state_dir import Home
from pipeline.report.outcome import Outcome
from pipeline.report.reuse import copy_report, made_of, seal
from pipeline.targets.local_outcome import provide_report

PAGE = "<body><!-- copied: --><!-- :copied --><p>figures</p></body>\n"
TEMPLATE = Path(__file__).parents[3] / "pipeline" / "report" / "report.html.j2"


@pytest.fixture
def record(make_record: Callable[..., ExecutionRecord]) -> ExecutionRecord:
    return make_record()


@pytest.fixture
def outcome(tmp_path: Path, make_evaluation: Callable[..., Any]) -> Outcome:
    (tmp_path / "predictions.npz").write_bytes(b"predictions")
    registration: Registration = {
        "model_package_arn": "arn",
        "version": 3,
        "registered": True,
        "reason": "first",
    }
    return Outcome(make_evaluation(), registration, tmp_path / "predictions.npz", None, model_card={"a": "b"})


@pytest.fixture
def first(tmp_path: Path, record: ExecutionRecord, outcome: Outcome) -> Path:
    """The report of `record`, with the model card beside it."""
    report = tmp_path / "first" / "report.html"
    report.parent.mkdir()
    report.write_text(PAGE)
    report.with_name("model-card.json").write_text("{}")
    return seal(report, record, made_of(record, outcome))


def later(record: ExecutionRecord, **changes: Any) -> ExecutionRecord:
    """An execution of the same that reused everything."""
    steps = tuple(
        replace(step, cached=True, reused_from=record.execution_id, started_at=9e9, ended_at=9e9)
        for step in record.steps
    )
    return replace(record, execution_id="later", started_at=9e9, ended_at=9e9, steps=steps, **changes)


def test_the_same_in_a_later_execution_is_the_same_report(
    tmp_path: Path, record: ExecutionRecord, outcome: Outcome, first: Path
) -> None:
    assert outcome.registration is not None
    told: Registration = {**outcome.registration, "registered": False, "reason": "reused"}
    key = made_of(later(record), replace(outcome, registration=told))
    out = tmp_path / "later" / "report.html"
    assert copy_report([first], later(record), record.execution_id, key, out)
    copy = out.read_text()
    note = f"Execution later reused the evaluation of execution {record.execution_id}, "
    assert copy.startswith(f'<body><!-- copied: --><p class="note">{note}')
    assert f"This is the report of execution {record.execution_id}, with its times." in copy
    assert "<!-- :copied --><p>figures</p></body>\n" in copy
    assert out.with_name("model-card.json").read_text() == "{}"

    again = tmp_path / "again" / "report.html"
    assert copy_report([out], replace(later(record), execution_id="again"), "x", key, again)
    assert again.read_text().count('class="note"') == 1
    assert "Execution again reused the evaluation of execution x, " in again.read_text()
    assert f"report of execution {record.execution_id}, with" in again.read_text()


@pytest.mark.parametrize(
    "changed", ["evaluation", "predictions", "card", "version", "parameter", "status", "step", "reason"]
)
def test_whatever_a_report_shows_makes_another(
    tmp_path: Path, record: ExecutionRecord, outcome: Outcome, changed: str
) -> None:
    before = made_of(record, outcome)
    assert made_of(later(record), outcome) == before
    if changed == "evaluation":
        assert outcome.evaluation is not None
        outcome = replace(outcome, evaluation={**outcome.evaluation, "class_names": ["x"]})
    elif changed == "predictions":
        (tmp_path / "predictions.npz").write_bytes(b"others")
    elif changed == "card":
        outcome = replace(outcome, model_card={"a": "c"})
    elif changed == "version":
        outcome = replace(outcome, registration={**NOT_RECORDED, "version": 4})
    elif changed == "parameter":
        record = replace(record, parameters={**record.parameters, "Epochs": 9})
    elif changed == "status":
        record = replace(record, status="Failed")
    elif changed == "step":
        record = replace(record, steps=record.steps[:-1])
    else:
        record = replace(record, failure_reason="because")
    assert made_of(record, outcome) != before


@pytest.mark.parametrize("damage", ["changed", "cut", "unsealed", "gone", "of other things"])
def test_what_is_not_that_report_is_not_copied(
    tmp_path: Path, record: ExecutionRecord, outcome: Outcome, first: Path, damage: str
) -> None:
    key = made_of(record, outcome)
    if damage == "changed":
        first.write_text(first.read_text().replace("figures", "figured"))
    elif damage == "cut":
        first.write_text(first.read_text()[:-5])
    elif damage == "unsealed":
        first.write_text(PAGE)
    elif damage == "gone":
        first.unlink()
    else:
        key = "0" * 64
    out = tmp_path / "later" / "report.html"
    assert not copy_report([first], later(record), record.execution_id, key, out)
    assert not out.exists()


def test_a_page_has_room_for_what_a_copy_says() -> None:
    assert TEMPLATE.read_text().count("<!-- copied: --><!-- :copied -->") == 1


def test_the_report_of_a_reused_evaluation_is_looked_for_among_the_executions(
    tmp_path: Path, record: ExecutionRecord, outcome: Outcome
) -> None:
    home = Home.open(tmp_path / "home")
    report = home.execution("between") / "report.html"
    report.parent.mkdir(parents=True)
    report.write_text(PAGE)
    between = replace(record, execution_id="between")
    seal(report, between, made_of(between, outcome))
    output = {"OutputName": "evaluation", "S3Output": {"S3Uri": "s3://bucket/e"}}
    mine = later(record)
    steps = tuple(
        replace(step, properties={"ProcessingOutputConfig": {"Outputs": [output]}})
        if step.name == "Evaluate"
        else step
        for step in mine.steps
    )
    provided = provide_report(home, replace(mine, steps=steps), outcome)
    assert provided == home.execution("later") / "report.html"
    assert "the report of execution between, with" in provided.read_text()
