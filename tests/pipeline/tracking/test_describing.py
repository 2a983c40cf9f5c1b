"""What an execution becomes in MLflow."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.execution import ExecutionRecord, StepRecord
from pipeline.report.outcome import Outcome
from pipeline.tracking.describing import describe_execution
from pipeline.tracking.epochs import epochs_of
from pipeline.tracking.runs import Batch, Run, read_batch

Make = Callable[..., Any]
JOB = "arn:aws:sagemaker:us-east-1:123456789012:training-job/job-1"
LOG = ["epoch=1/1 train_loss=0.5 validation_accuracy=0.9 seconds=2.0"]


def described(record: ExecutionRecord, *arguments: Any, **named: Any) -> dict[str, Run]:
    return {run.step: run for run in describe_execution(record, *arguments, **named)}


def values(run: Run) -> dict[str, float]:
    return {point.key: point.value for point in run.points}


@pytest.fixture
def outcome(make_evaluation: Make, make_registration: Make, tmp_path: Path) -> Outcome:
    report = tmp_path / "report.html"
    for name in ("report.html", "model-card.md", "model-card.json"):
        (tmp_path / name).write_text(name)
    return Outcome(make_evaluation(), make_registration(), None, report)


def test_there_is_a_run_of_the_execution_and_one_for_each_training(make_record: Make) -> None:
    record = make_record()
    assert list(described(record, {})) == ["", "Train-baseline-0", "Train-cnn-3x3-0", "Train-cnn-5x5-0"]


def test_the_executions_run_says_how_it_ended(make_record: Make, outcome: Outcome) -> None:
    record = make_record()
    run = described(record, {}, outcome, commit="0a1b")[""]
    assert (run.name, run.status) == (record.execution_id, "FINISHED")
    assert (run.started_at, run.ended_at) == (record.started_at, record.ended_at)
    assert run.params["Epochs"] == "3"
    assert run.tags["fashion.winner"] == "cnn-3x3-0"
    assert run.tags["fashion.gate"] == "passed"
    assert run.tags["fashion.model_package_version"] == "3"
    assert run.tags["fashion.model_package_arn"].endswith("model-package/fashion-mnist/3")
    assert "`python -m pipeline registry show 3`" in run.tags["mlflow.note.content"]
    assert run.first_tags["mlflow.source.git.commit"] == "0a1b"
    assert values(run).keys() == {"winner/validation_accuracy", "winner/test_accuracy", "winner/params"}
    files = [each.name for each in run.artifacts]
    assert files == ["evaluation.json", "report.html", "model-card.json", "model-card.md"]
    assert json.loads(run.artifacts[0].text or "") == outcome.evaluation


def test_a_training_has_parameters_epochs_digests_and_its_job(make_record: Make, outcome: Outcome) -> None:
    record = make_record()
    epochs = {"Train-cnn-3x3-0": epochs_of(LOG)}
    run = described(record, epochs, outcome, jobs={"Train-cnn-3x3-0": JOB})["Train-cnn-3x3-0"]
    assert run.params["seed"] == "0"
    assert run.params["kernel-size"] == "3"
    assert run.tags["fashion.job_arn"] == JOB
    for name in ("data_digest", "code_digest", "artifact_sha256"):
        assert len(run.tags[f"fashion.{name}"]) == 64
    found = values(run)
    assert (found["train_loss"], found["validation_accuracy"]) == (0.5, 0.9)
    assert found["evaluated/params"] == 421_642
    evaluated = record.step("Evaluate").ended_at
    assert {point.time for point in run.points if point.key.startswith("evaluated/")} == {
        round(evaluated * 1000)
    }


def test_the_requests_own_hyperparameters_come_before_what_the_evaluation_says(
    make_record: Make, outcome: Outcome
) -> None:
    record = make_record()
    request = {"HyperParameters": {"kernel-size": "3", "epochs": "3"}, "TrainingJobArn": JOB}
    steps = [
        replace(step, properties=request) if step.name == "Train-cnn-3x3-0" else step for step in record.steps
    ]
    run = described(replace(record, steps=tuple(steps)), {}, outcome)["Train-cnn-3x3-0"]
    assert run.params == request["HyperParameters"]
    assert run.tags["fashion.job_arn"] == JOB


def test_a_reused_training_has_its_epochs_from_the_evaluation_and_says_whose_they_are(
    make_record: Make, outcome: Outcome
) -> None:
    record = make_record()
    steps = [
        replace(step, cached=True, reused_from="0123") if step.type == "Training" else step
        for step in record.steps
    ]
    run = described(replace(record, steps=tuple(steps)), {}, outcome)["Train-baseline-0"]
    assert run.tags["fashion.reused_from"] == "0123"
    assert {point.step for point in run.points if point.key == "train_loss"} == {1, 2, 3}


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("Executing", "RUNNING"),
        ("Stopping", "RUNNING"),
        ("Succeeded", "FINISHED"),
        ("Failed", "FAILED"),
        ("CompletedWithFailures", "FAILED"),
        ("Stopped", "KILLED"),
    ],
)
def test_every_state_of_an_execution_is_one_of_mlflows(make_record: Make, status: Any, expected: str) -> None:
    assert described(replace(make_record(), status=status), {})[""].status == expected


def test_a_training_that_has_not_begun_or_is_skipped_has_no_run(make_record: Make) -> None:
    steps = (
        StepRecord("Train-a", "Training"),
        StepRecord("Train-b", "Training", "Skipped"),
        StepRecord("Train-c", "Training", "Executing", started_at=5.0),
        StepRecord("Train-d", "Training", "Failed", 5.0, 6.0, failure_reason="exit status 1"),
    )
    runs = described(replace(make_record(), steps=steps), {})
    assert list(runs) == ["", "Train-c", "Train-d"]
    assert (runs["Train-c"].status, runs["Train-c"].ended_at) == ("RUNNING", None)
    assert runs["Train-d"].tags["fashion.failure_reason"] == "exit status 1"


def test_a_trial_says_which_search_it_is_part_of(make_record: Make) -> None:
    steps = (StepRecord("Search-0", "Training", "Succeeded", 5.0, 6.0, part_of="Search"),)
    assert described(replace(make_record(), steps=steps), {})["Search-0"].tags["fashion.part_of"] == "Search"


def test_the_same_execution_is_always_described_alike(make_record: Make, outcome: Outcome) -> None:
    epochs = {"Train-cnn-3x3-0": epochs_of(LOG)}
    first, second = (describe_execution(make_record(), epochs, outcome) for _ in range(2))
    assert first == second


def test_a_batch_survives_its_line(make_record: Make, outcome: Outcome) -> None:
    batch = Batch("fashion-mnist", "8f3a", describe_execution(make_record(), {}, outcome))
    assert "\n" not in batch.line()
    assert read_batch(json.loads(batch.line())) == batch
