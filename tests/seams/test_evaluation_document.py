"""The evaluation: evaluate.py writes its files; result, leaderboard, report and registry read them."""

from __future__ import annotations

import io
import json
import time
from pathlib import Path

import numpy as np
import pytest

import candidate_evaluation
import champion_comparison
from pipeline.analysis import analyse, hypotheses, inputs
from pipeline.analysis.case_study import SPLITS
from pipeline.analysis.evaluation import measured
from pipeline.analysis.evaluation_reader import MATCHED_SPLITS, read_evaluation, read_registration
from pipeline.cli.result import CANDIDATE_KEYS, run_result
from pipeline.execution import ExecutionRecord, StepRecord
from pipeline.local.state.local_aws import LocalAws
from pipeline.registry import Registry
from pipeline.report.writing import write_report
from pipeline.view.executions import print_execution
from pipeline.view.leaderboard import print_leaderboard
from pipeline.view.registry import print_package, print_packages
from tests.seams.conftest import CANDIDATE, EXECUTION_ID, SEED, Evaluated

NOW = time.time()
RECORD = ExecutionRecord(
    execution_id=EXECUTION_ID,
    pipeline_name="fashion-mnist",
    target="local",
    status="Succeeded",
    parameters={"Epochs": 1, "MinAccuracy": 0.0},
    started_at=NOW - 60,
    ended_at=NOW,
    steps=(
        StepRecord(f"Train-{CANDIDATE}-{SEED}", "Training", "Succeeded", NOW - 60, NOW - 30, attempts=1),
        StepRecord("Evaluate", "Processing", "Succeeded", NOW - 30, NOW, attempts=1),
    ),
)


def test_the_result_has_every_key_of_its_contract(evaluated: Evaluated) -> None:
    result = run_result(RECORD, evaluated.document, evaluated.registration, None)
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    assert set(result) == {
        "execution_id", "status", "failure_reason", "steps", "candidates", "winner", "gate",
        "model_package_arn", "report",
    }  # fmt: skip
    (candidate,) = result["candidates"]
    assert tuple(candidate) == CANDIDATE_KEYS
    assert (candidate["name"], candidate["seed"], result["winner"]) == (CANDIDATE, SEED, CANDIDATE)
    assert all(0 < measured(candidate, split) <= 1 for split in ("train", "validation", "test"))
    assert candidate["train_seconds"] > 0
    assert result["gate"]["passed"] is True
    assert result["model_package_arn"].endswith(":model-package/seams/1")


def test_its_reader_takes_it(evaluated: Evaluated) -> None:
    folder = evaluated.predictions.parent
    assert read_evaluation((folder / "evaluation.json").read_bytes()) == evaluated.document
    assert read_registration((folder / "registration.json").read_bytes()) == evaluated.registration


def test_the_leaderboard_shows_the_candidate(evaluated: Evaluated) -> None:
    shown = io.StringIO()
    print_leaderboard(evaluated.document, evaluated.registration, RECORD, None, shown)
    assert f"{CANDIDATE}-{SEED}" in shown.getvalue()
    assert "Version 1 of seams is registered" in shown.getvalue()


def test_an_execution_can_be_shown_with_it(evaluated: Evaluated) -> None:
    shown = io.StringIO()
    print_execution(RECORD, evaluated.document, evaluated.registration, None, shown)
    accuracy = evaluated.document["winner"]["test_accuracy"]
    assert f"{accuracy:.4f}" in shown.getvalue()


def test_the_report_is_built_from_it(evaluated: Evaluated, tmp_path: Path) -> None:
    folder = evaluated.predictions.parent
    card = json.loads((folder / "model-card.json").read_text())
    report = write_report(
        RECORD,
        evaluated.document,
        evaluated.registration,
        tmp_path / "report.html",
        evaluated.predictions,
        folder / "gallery.npz",
        card,
    )
    page = report.read_text()
    assert CANDIDATE in page
    assert page.count('src="data:image/png;base64,') > 10
    assert "Reliability diagram of" in page
    assert "MIT License" in page
    assert json.loads((tmp_path / "model-card.json").read_text()) == card
    assert evaluated.document["data"]["data_digest"][:12] in page


def test_the_predictions_are_those_that_the_document_counts(evaluated: Evaluated) -> None:
    with np.load(evaluated.predictions, allow_pickle=False) as file:
        for split in MATCHED_SPLITS:
            labels, probabilities = file[f"labels_{split}"], file[f"probabilities_{CANDIDATE}-{SEED}_{split}"]
            accuracy = float((probabilities.argmax(axis=1) == labels).mean())
            (candidate,) = evaluated.document["candidates"]
            assert accuracy == pytest.approx(measured(candidate, split))
            assert len(labels) == evaluated.document["data"]["splits"][split]["count"]


def test_the_analysis_knows_every_image_that_was_scored(evaluated: Evaluated) -> None:
    analysis = analyse(evaluated.document, evaluated.predictions)
    assert analysis.has_predictions
    (candidate,) = evaluated.document["candidates"]
    for split in SPLITS:
        found = analysis.accuracy(candidate["id"], split)
        assert found is not None
        assert found.interval.value == pytest.approx(measured(candidate, split), abs=1e-12)
    assert not any("training images" in note or "single images" in note for note in analysis.notes)
    (calibration,) = analysis.calibrations
    assert calibration.plain.nll == pytest.approx(candidate["test_loss"], rel=1e-4)


def test_both_sides_mean_the_same_by_a_sample_and_by_significance() -> None:
    assert inputs.TRAIN_SAMPLE == candidate_evaluation.TRAIN_SAMPLE
    assert hypotheses.ALPHA == champion_comparison.ALPHA


def test_the_registry_command_shows_the_package(evaluated: Evaluated, aws: LocalAws) -> None:
    registry = Registry(aws.client("sagemaker"), "seams")
    (package,) = registry.packages()
    assert package.model_data == evaluated.artifact_uri
    assert package.metrics == f"{evaluated.evaluation_uri}/evaluation.json"
    assert package.metadata["candidate"] == CANDIDATE
    assert package.metadata["execution_id"] == EXECUTION_ID
    assert package.report == f"{evaluated.evaluation_uri}/report.html"
    shown = io.StringIO()
    print_packages("seams", [package], shown)
    print_package("seams", package, shown)
    accuracy = evaluated.document["winner"]["test_accuracy"]
    assert f"{100 * accuracy:.2f} %" in shown.getvalue()
    assert EXECUTION_ID in shown.getvalue()


def test_what_the_package_points_to_is_in_s3(evaluated: Evaluated, aws: LocalAws) -> None:
    container = evaluated.package["InferenceSpecification"]["Containers"][0]
    statistics = evaluated.package["ModelMetrics"]["ModelQuality"]["Statistics"]
    for uri in (container["ModelDataUrl"], statistics["S3Uri"]):
        bucket, key = uri.removeprefix("s3://").split("/", 1)
        assert aws.client("s3").head_object(Bucket=bucket, Key=key)["ContentLength"] > 0
    body = aws.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    assert json.loads(body) == evaluated.document
