"""The same definition, seed and data in the local engine, in its containers, and in the SDK's local mode."""

from __future__ import annotations

import gc
import json
import os
import shutil
import threading
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from pipeline.cli.commands.choices import own_images
from pipeline.definition.settings import PROJECT
from pipeline.execution import ExecutionRecord
from pipeline.local.jobs.launchers.choice import Wanted
from pipeline.local.jobs.launchers.containers.engine import Engine
from pipeline.local.jobs.launchers.containers.images import parse_image
from pipeline.local.state.objects import stored_files
from pipeline.local.state.state_dir import Home
from pipeline.registry import Package
from pipeline.targets.local import Choices, LocalTarget, local_settings_for, open_local
from pipeline.targets.local_outcome import output_uri
from run_in_sdk import Reference, run_in_local_mode

pytestmark = [
    pytest.mark.docker,
    pytest.mark.e2e,
    # The SDK leaves the pipe from docker compose to the garbage collector.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
VALUES = {"Epochs": 2, "BatchSize": 64, "MinAccuracy": 0.5}
CANDIDATES = ("baseline", "cnn-3x3")
POINTS = 0.005  # the difference between accuracies that another build of TensorFlow may make


@dataclass(frozen=True)
class Result:
    """What an engine made of the pipeline; `statuses` are of the steps that were not skipped."""

    execution_id: str
    definition: str
    statuses: dict[str, str]
    gate: str | None
    processed: dict[str, bytes]
    evaluation: dict[str, Any]
    packages: list[Package]

    @property
    def candidates(self) -> dict[str, dict[str, Any]]:
        return {each["id"]: each for each in self.evaluation["candidates"]}


class Quiet:
    """An observer that looks away."""

    def execution_changed(self, execution: ExecutionRecord) -> None:
        pass

    def log_line(self, step: str, line: str) -> None:
        pass


def run(target: LocalTarget, data: Path, launcher: Wanted) -> Result:
    """Compile, upload, execute; one job at a time, as the SDK does, so that each has all cores everywhere."""
    settings = local_settings_for({"candidates": CANDIDATES})
    definition = target.compile(settings)
    values: dict[str, Any] = {**VALUES, "InputDataUri": target.upload_data(settings, data)}
    images = [parse_image(each) for each in own_images(definition, {})] if launcher == "container" else []
    choices = Choices(1, launcher=launcher, images=images)
    record = target.run(definition, values, Quiet(), threading.Event(), choices)
    assert record.status == "Succeeded", record.failure_reason

    def contents(name: str) -> dict[str, bytes]:
        uri = output_uri(record, name)
        assert uri is not None
        files = stored_files(target.home, target.store, uri)
        return {key: path.read_bytes() for key, path in files.items()}

    return Result(
        record.execution_id,
        target.store.definition_text(record.execution_id),
        {step.name: step.status for step in record.steps if step.status != "Skipped"},
        str(record.step("QualityGate").properties["Outcome"]),
        contents("processed"),
        json.loads(contents("evaluation")["evaluation.json"]),
        target.registry(PROJECT).packages(),
    )


def as_result(found: Reference) -> Result:
    assert found.reason is None, found.reason
    return Result(
        found.execution_id,
        found.definition,
        found.statuses,
        found.gate,
        found.processed,
        found.evaluation,
        found.packages,
    )


Results = dict[str, Result]


@pytest.fixture(scope="module")
def results(
    tmp_path_factory: pytest.TempPathFactory, engine: Engine, sdk: ModuleType, small_data: Path
) -> Results:
    """Of the SDK's local mode, of the local engine in containers, and of it without."""
    if engine.is_podman or shutil.which("docker-compose") is None:
        pytest.skip("NOT TESTED: THE SDK'S LOCAL MODE. It needs Docker, with docker-compose")
    from pipeline.local.state.isolation import isolate

    before = dict(os.environ)
    isolate(os.environ)
    try:
        folder = tmp_path_factory.mktemp("homes")
        found = {
            "sdk": as_result(run_in_local_mode(Home.open(folder / "sdk"), small_data, VALUES, CANDIDATES))
        }
        with open_local(Home.open(folder / "container"), print, containers=True) as target:
            found["container"] = run(target, small_data, "container")
        with open_local(Home.open(folder / "auto"), print) as target:
            found["auto"] = run(target, small_data, "auto")
    finally:
        os.environ.clear()
        os.environ.update(before)
    gc.collect()
    return found


OTHERS = pytest.mark.parametrize("other", ["container", "auto"])


@OTHERS
def test_all_ran_the_same_definition(results: Results, other: str) -> None:
    assert results["sdk"].definition == results[other].definition


@OTHERS
def test_every_step_ended_the_same_way(results: Results, other: str) -> None:
    assert results["sdk"].statuses == results[other].statuses
    assert results["sdk"].gate == results[other].gate


@OTHERS
def test_the_processed_data_are_identical_to_the_byte(results: Results, other: str) -> None:
    assert {"manifest.json", "train/images.npy"} <= results["sdk"].processed.keys()
    assert results["sdk"].processed == results[other].processed


@OTHERS
def test_the_values_that_the_pipeline_reads_from_the_evaluation_are_equal(
    results: Results, other: str
) -> None:
    for key in ("verdict", "passed", "min_accuracy"):
        assert results["sdk"].evaluation["gate"][key] == results[other].evaluation["gate"][key]


@OTHERS
def test_the_same_candidate_is_chosen_from_the_same_ones(results: Results, other: str) -> None:
    sdk, mine = results["sdk"], results[other]
    for key in ("name", "seed", "id", "params"):
        assert sdk.evaluation["winner"][key] == mine.evaluation["winner"][key]
    for key in ("selection", "class_names", "data"):
        assert sdk.evaluation[key] == mine.evaluation[key]
    assert list(sdk.candidates) == list(mine.candidates)
    for name, candidate in sdk.candidates.items():
        for key in ("name", "seed", "params", "epochs", "hyperparameters"):
            assert candidate[key] == mine.candidates[name][key]
        for key in ("code_digest", "data_digest", "tensorflow", "keras", "seed"):
            assert candidate["environment"][key] == mine.candidates[name]["environment"][key]


@OTHERS
@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_accuracies_agree(results: Results, split: str, other: str) -> None:
    key = f"{split}_accuracy"
    for name, candidate in results["sdk"].candidates.items():
        assert candidate[key] == pytest.approx(results[other].candidates[name][key], abs=POINTS), (name, key)
        assert candidate[key] > 0.5


@OTHERS
def test_the_same_entry_is_in_the_registry(results: Results, other: str) -> None:
    entries = []
    for result in (results["sdk"], results[other]):
        (package,) = result.packages
        entry = package.as_json()
        metadata = dict(entry["metadata"])
        assert metadata.pop("execution_id") == result.execution_id
        # Of files with times in them, and of the moment.
        for name in ("artifact_sha256", "registered_at"):
            assert metadata.pop(name)
        for name in ("train_accuracy", "validation_accuracy", "test_accuracy"):
            winner = result.candidates[result.evaluation["winner"]["id"]]
            assert float(metadata.pop(name)) == pytest.approx(winner[name], abs=1e-6)
        for name in ("model_data_url", "model_quality_statistics", "drift_baseline", "report"):
            assert f"/executions/{result.execution_id}/" in entry.pop(name)
        assert metadata.pop("report").endswith("/evaluation/report.html")
        entries.append({**entry, "metadata": metadata})
    assert entries[0] == entries[1]
