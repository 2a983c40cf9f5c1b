"""The same definition, seed and data in the local engine and in Docker: the same states, choices and numbers."""

from __future__ import annotations

import gc
import json
import os
import threading
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from pipeline.docker_target import DockerTarget, docker_values, open_docker
from pipeline.execution import ExecutionRecord
from pipeline.local.engine.start import start_execution
from pipeline.local.state.objects import stored_files
from pipeline.local.state.state_dir import Home
from pipeline.local_outcome import output_uri
from pipeline.local_target import LocalTarget, local_settings_for, open_local
from pipeline.registry import Package
from pipeline.settings import PROJECT

pytestmark = [
    pytest.mark.docker,
    pytest.mark.e2e,
    # The SDK leaves the pipe from docker compose to the garbage collector.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
VALUES = {"Epochs": 2, "BatchSize": 64, "MinAccuracy": 0.5}
POINTS = 0.005  # the difference between accuracies that the two engines may show


@dataclass(frozen=True)
class Result:
    """What an engine made of the pipeline."""

    definition: str
    record: ExecutionRecord
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


def run(target: LocalTarget, data: Path) -> Result:
    """Compile, upload, execute; one job at a time, as Docker does, so that each has all cores in both engines."""
    settings = local_settings_for({"candidates": ("baseline", "cnn-3x3")})
    definition = target.compile(settings)
    values: dict[str, Any] = {**VALUES, "InputDataUri": target.upload_data(settings, data)}
    if isinstance(target, DockerTarget):
        record = target.run(definition, values | docker_values(), Quiet(), threading.Event())
    else:
        record = start_execution(
            definition,
            values,
            home=target.home,
            aws=target.aws,
            store=target.store,
            observer=Quiet(),
            stop=threading.Event(),
            pipeline_name=PROJECT,
            max_parallel=1,
        )
    assert record.status == "Succeeded", record.failure_reason

    def contents(name: str) -> dict[str, bytes]:
        uri = output_uri(record, name)
        assert uri is not None
        files = stored_files(target.home, target.store, uri)
        return {key: path.read_bytes() for key, path in files.items()}

    return Result(
        definition=target.store.definition_text(record.execution_id),
        record=record,
        processed=contents("processed"),
        evaluation=json.loads(contents("evaluation")["evaluation.json"]),
        packages=target.registry(PROJECT).packages(),
    )


@pytest.fixture(scope="module")
def results(
    tmp_path_factory: pytest.TempPathFactory, engine: str, sdk: ModuleType, small_data: Path
) -> tuple[Result, Result]:
    """Of the local engine, and of Docker."""
    from pipeline.local.state.isolation import isolate

    before = dict(os.environ)
    isolate(os.environ)
    try:
        folder = tmp_path_factory.mktemp("homes")
        with open_local(Home.open(folder / "local"), print) as local:
            in_processes = run(local, small_data)
        with open_docker(Home.open(folder / "docker"), print) as docker:
            in_containers = run(docker, small_data)
    finally:
        os.environ.clear()
        os.environ.update(before)
    gc.collect()
    return in_processes, in_containers


def test_both_ran_the_same_definition(results):
    local, docker = results
    assert local.definition == docker.definition


def test_every_step_ended_the_same_way(results):
    local, docker = results
    states = [[(step.name, step.type, step.status) for step in each.record.steps] for each in results]
    assert states[0] == states[1]
    assert local.record.step("QualityGate").properties == docker.record.step("QualityGate").properties


def test_the_processed_data_are_identical_to_the_byte(results):
    local, docker = results
    assert local.processed.keys() == docker.processed.keys()
    assert {"manifest.json", "train/images.npy"} <= local.processed.keys()
    assert local.processed == docker.processed


def test_the_values_that_the_pipeline_reads_from_the_evaluation_are_equal(results):
    gates = [each.evaluation["gate"] for each in results]
    for key in ("verdict", "passed", "min_accuracy"):
        assert gates[0][key] == gates[1][key]


def test_the_same_candidate_is_chosen_from_the_same_ones(results):
    local, docker = results
    for key in ("name", "seed", "id", "params"):
        assert local.evaluation["winner"][key] == docker.evaluation["winner"][key]
    for key in ("selection", "class_names", "data"):
        assert local.evaluation[key] == docker.evaluation[key]
    assert list(local.candidates) == list(docker.candidates)
    for name, candidate in local.candidates.items():
        for key in ("name", "seed", "params", "epochs", "hyperparameters"):
            assert candidate[key] == docker.candidates[name][key]
        for key in ("code_digest", "data_digest", "tensorflow", "keras", "seed"):
            assert candidate["environment"][key] == docker.candidates[name]["environment"][key]


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_accuracies_agree(results, split):
    local, docker = results
    for name, candidate in local.candidates.items():
        key = f"{split}_accuracy"
        assert candidate[key] == pytest.approx(docker.candidates[name][key], abs=POINTS), (name, key)
        assert candidate[key] > 0.5


def test_the_same_entry_is_in_the_registry(results):
    entries = []
    for result in results:
        (package,) = result.packages
        entry = package.as_json()
        metadata = dict(entry["metadata"])
        assert metadata.pop("execution_id") == result.record.execution_id
        # Of files with times in them, and of the moment.
        for name in ("artifact_sha256", "registered_at"):
            assert metadata.pop(name)
        for name in ("train_accuracy", "validation_accuracy", "test_accuracy"):
            winner = result.candidates[result.evaluation["winner"]["id"]]
            assert float(metadata.pop(name)) == pytest.approx(winner[name], abs=1e-6)
        for name in ("model_data_url", "model_quality_statistics", "report"):
            assert f"/executions/{result.record.execution_id}/" in entry.pop(name)
        assert metadata.pop("report").endswith("/evaluation/report.html")
        entries.append({**entry, "metadata": metadata})
    assert entries[0] == entries[1]
