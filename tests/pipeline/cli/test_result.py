from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.cli.result import run_result
from pipeline.execution import ExecutionRecord, StepRecord

Make = Callable[..., Any]

KEYS = [
    "execution_id",
    "status",
    "failure_reason",
    "steps",
    "candidates",
    "winner",
    "gate",
    "model_package_arn",
    "report",
]


def test_the_result_of_a_run_that_succeeded_has_everything(
    make_evaluation: Make, make_registration: Make, make_record: Make
) -> None:
    evaluation, registration = make_evaluation(), make_registration()
    result = run_result(make_record(evaluation), evaluation, registration, Path("/out/report.html"))

    assert list(result) == KEYS
    assert (result["execution_id"], result["status"], result["failure_reason"]) == (
        "8f3a2c9d41e7",
        "Succeeded",
        None,
    )
    assert result["steps"][0] == {
        "name": "NormalizeData",
        "type": "Processing",
        "status": "Succeeded",
        "seconds": pytest.approx(9.6),
        "cached": False,
    }
    assert result["candidates"][1] == {
        "name": "cnn-3x3",
        "seed": 0,
        "params": 421_642,
        "train_accuracy": 0.9352,
        "validation_accuracy": 0.9154,
        "test_accuracy": 0.911,
        "images_per_second": 2050.4,
        "train_seconds": 81.3,
    }
    assert [each["name"] for each in result["candidates"]] == ["baseline", "cnn-3x3", "cnn-5x5"]
    assert result["winner"] == "cnn-3x3"
    assert result["gate"] == {"passed": True, "reason": evaluation["gate"]["reason"]}
    assert result["model_package_arn"] == registration["model_package_arn"]
    assert result["report"] == "/out/report.html"
    assert json.loads(json.dumps(result, allow_nan=False)) == result


def test_an_execution_that_completed_with_failures_reads_failed(make_record: Make) -> None:
    steps = (StepRecord("A", "Training", "Failed"), StepRecord("B", "Training", "Succeeded"))
    record = replace(make_record(None), status="CompletedWithFailures", failure_reason=None, steps=steps)

    result = run_result(record, None, None, None)
    told = run_result(replace(record, failure_reason="A had no data."), None, None, None)

    assert result["status"] == "Failed"
    assert result["failure_reason"] == (
        "SageMaker ended the execution as CompletedWithFailures. Failed steps: A."
    )
    assert told["failure_reason"] == "A had no data."


def test_a_missed_gate_is_named_and_no_model_package_is(
    make_evaluation: Make, make_registration: Make, make_record: Make
) -> None:
    evaluation = make_evaluation(passed=False)
    result = run_result(make_record(evaluation), evaluation, make_registration(False), None)
    assert result["status"] == "Failed"
    assert "quality gate was missed" in result["failure_reason"]
    assert result["gate"]["passed"] is False
    assert result["model_package_arn"] is None


def test_a_run_that_failed_before_its_evaluation_has_every_key_all_the_same(make_record: Make) -> None:
    record: ExecutionRecord = make_record()
    waiting = tuple(replace(step, status="Pending", started_at=None, ended_at=None) for step in record.steps)
    result = run_result(replace(record, status="Stopped", steps=waiting), None, None, None)
    assert list(result) == KEYS
    assert result["status"] == "Stopped"
    assert result["candidates"] == []
    assert [result[key] for key in ("winner", "gate", "model_package_arn", "report")] == [None] * 4
    assert {step["seconds"] for step in result["steps"]} == {None}


def test_a_step_that_registers_a_model_names_the_package(make_record: Make) -> None:
    record: ExecutionRecord = make_record()
    skipped = StepRecord("Other", "RegisterModel", "Skipped")
    register = StepRecord(
        "Register", "RegisterModel", "Succeeded", properties={"ModelPackageArn": "arn:…/theirs/1"}
    )
    result = run_result(replace(record, steps=(*record.steps, skipped, register)), None, None, None)
    assert result["model_package_arn"] == "arn:…/theirs/1"
