"""The definition names the scripts' flags, folders and channels; the scripts know them."""

from __future__ import annotations

import argparse
import importlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import devices
import job_settings
import train
from gate import ChampionPart, decide
from hyperparameters import Hyperparameters
from job_config import read_job_config
from job_failure import UsageError
from job_settings import JobSettings
from models import build_model
from pipeline import errors
from pipeline.definition import settings
from pipeline.definition.candidates import CANDIDATES, DEFAULT_CANDIDATES, Candidate
from pipeline.definition.parameters import NO_CHAMPION, PARAMETERS
from pipeline.local.jobs import arithmetic
from pipeline.local.jobs.training_driver import script_command
from tests.seams.conftest import EXECUTION_ID, Requests
from training_failure import UsageError as TrainingUsageError

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def container(monkeypatch: pytest.MonkeyPatch) -> None:
    """Defaults are those of a container, not of this machine's settings."""
    for name, _, _ in job_settings.FOLDERS.values():
        monkeypatch.delenv(name, raising=False)


def test_both_sides_know_the_same_precisions_and_the_same_cpus_that_multiply_in_bfloat16() -> None:
    assert settings.PRECISIONS == job_settings.PRECISIONS
    assert arithmetic.BFLOAT16_FLAGS == devices.BFLOAT16_FLAGS


def words(request: Mapping[str, Any]) -> list[str]:
    """What a processing job's script is started with."""
    given: list[str] = request["AppSpecification"]["ContainerArguments"]
    assert all(isinstance(word, str) for word in given), "arguments are texts"
    return given


def parse(request: Mapping[str, Any]) -> argparse.Namespace:
    """The processing job's arguments, as its own script reads them."""
    program, path = request["AppSpecification"]["ContainerEntrypoint"]
    assert program == "python3"
    folder, script = Path(path).parent, Path(path).name
    assert (ROOT / "processing" / script).is_file()
    assert str(folder) in local_paths(request["ProcessingInputs"], "S3Input")
    parsed: argparse.Namespace = importlib.import_module(script.removesuffix(".py")).parse_args(
        words(request)
    )
    return parsed


def local_paths(entries: list[Mapping[str, Any]], kind: str) -> list[str]:
    return [entry[kind]["LocalPath"] for entry in entries]


def train_settings(request: Mapping[str, Any]) -> JobSettings:
    """The training job's hyperparameters, as training reads the flags that the SDK's driver makes of them."""
    given = request["HyperParameters"]
    assert all(isinstance(value, str) for value in given.values()), "hyperparameters are texts"
    _, script, *flags = script_command({"entry_script": "train.py"}, given, "python")
    assert (ROOT / "training" / script).is_file()
    return train.parse_args(flags)


def test_normalize_understands_its_arguments(requests: Requests) -> None:
    request = requests.of("NormalizeData")
    args = parse(request)
    assert (args.validation_one_in, args.split_seed) == (12, 20170825)
    assert str(args.input) in local_paths(request["ProcessingInputs"], "S3Input")
    assert [str(args.output)] == local_paths(request["ProcessingOutputConfig"]["Outputs"], "S3Output")


def test_evaluate_understands_its_arguments(requests: Requests) -> None:
    request = requests.of("Evaluate")
    args = parse(request)
    assert [f"Train-{one.id}" for one in args.references] == [
        step.name for step in requests.steps("Training")
    ]
    assert [one.uri for one in args.references] == [
        requests.properties(step.name)["ModelArtifacts"]["S3ModelArtifacts"]
        for step in requests.steps("Training")
    ]
    assert args.min_accuracy == requests.parameters["MinAccuracy"]
    assert args.model_package_group == requests.parameters["ModelPackageGroupName"]
    assert args.approval_status == requests.parameters["ModelApprovalStatus"] == "PendingManualApproval"
    assert args.champion == NO_CHAMPION
    assert args.must_beat_champion == requests.parameters["MustBeatChampion"] == "false"
    assert "tensorflow-inference:2.20" in args.inference_image
    assert args.job_config == Path("/opt/ml/config/processingjobconfig.json")
    assert str(args.processed) in local_paths(request["ProcessingInputs"], "S3Input")
    assert [str(args.output)] == local_paths(request["ProcessingOutputConfig"]["Outputs"], "S3Output")


def test_evaluate_finds_its_output_and_its_execution_in_the_job_configuration(
    requests: Requests, tmp_path: Path
) -> None:
    request = requests.of("Evaluate")
    path = tmp_path / "processingjobconfig.json"
    path.write_text(json.dumps({"ProcessingOutputConfig": request["ProcessingOutputConfig"]}))
    found = read_job_config(path)
    assert found.execution_id == EXECUTION_ID
    assert found.uri == request["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"]


@pytest.mark.parametrize("step", ["NormalizeData", "Evaluate"])
def test_failures_are_left_where_the_service_looks_for_them(step: str, requests: Requests) -> None:
    assert parse(requests.of(step)).exit_message == Path("/opt/ml/output/message")


def test_a_flag_that_a_script_does_not_know_is_refused(requests: Requests) -> None:
    request = requests.of("NormalizeData")
    words(request).append("--surprise")
    with pytest.raises(UsageError, match="--surprise"):
        parse(request)


def test_training_understands_every_candidates_hyperparameters(requests: Requests) -> None:
    trained = {}
    for step in requests.steps("Training"):
        settings = train_settings(requests.of(step.name)).hyperparameters
        trained[step.name] = (settings.architecture, settings.kernel_size)
        assert step.name == f"Train-{settings.candidate}-{settings.seed}"
        assert settings.epochs == requests.parameters["Epochs"]
        assert settings.batch_size == requests.parameters["BatchSize"]
        assert settings.learning_rate == requests.parameters["LearningRate"]
    assert trained == {
        "Train-baseline-0": ("dense", None),
        "Train-cnn-3x3-0": ("cnn", 3),
        "Train-cnn-5x5-0": ("cnn", 5),
    }
    assert len(trained) == len(DEFAULT_CANDIDATES)


@pytest.mark.parametrize("candidate", CANDIDATES, ids=lambda candidate: candidate.name)
def test_training_can_build_every_candidate(candidate: Candidate) -> None:
    flags = [f"--{name}={value}" for name, value in candidate.hyperparameters.items()]
    told = train.parse_args([f"--candidate={candidate.name}", *flags]).hyperparameters
    model = build_model(told.architecture, told.kernel_size, told.filters)
    assert model.count_params() <= 460_000


def test_every_hyperparameter_of_training_is_set_by_the_definition(requests: Requests) -> None:
    """Nothing that decides the weights is left to a default that a reader of the definition cannot see."""
    given = set(requests.of("Train-cnn-3x3-0")["HyperParameters"])
    assert given == {field.replace("_", "-") for field in Hyperparameters.__dataclass_fields__}


NUMBERS = {"Epochs": "epochs", "BatchSize": "batch_size", "LearningRate": "learning_rate"}


@pytest.mark.parametrize(("name", "field"), NUMBERS.items())
def test_a_default_and_its_bounds_are_the_same_as_a_parameter_and_as_a_flag(name: str, field: str) -> None:
    (parameter,) = (each for each in PARAMETERS if each.name == name)
    flag = f"--{field.replace('_', '-')}"

    def told(*words: str) -> object:
        least = ["--candidate=baseline", "--architecture=dense"]
        return getattr(train.parse_args([*least, *words]).hyperparameters, field)

    assert told() == parameter.default
    assert told(f"{flag}={parameter.at_most:g}") == parameter.at_most
    for value in (parameter.at_most + 1, 0):
        with pytest.raises(TrainingUsageError, match=flag.strip("-")):
            told(f"{flag}={value:g}")
        with pytest.raises(errors.UsageError):
            parameter.parse(f"{value:g}")


def test_training_looks_where_the_channels_and_checkpoints_are(requests: Requests) -> None:
    for step in requests.steps("Training"):
        request = requests.of(step.name)
        settings = train_settings(request)
        assert {entry["ChannelName"] for entry in request["InputDataConfig"]} == {
            "code", "sm_drivers", "train", "validation", "manifest",
        }  # fmt: skip
        for channel in ("train", "validation", "manifest"):
            assert getattr(settings, channel) == Path("/opt/ml/input/data", channel)
        assert str(settings.checkpoint_dir) == request["CheckpointConfig"]["LocalPath"]


def test_training_gets_the_folders_that_normalize_writes(requests: Requests, processed: Path) -> None:
    output = requests.of("NormalizeData")["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"]
    channels = {entry["ChannelName"]: entry for entry in requests.of("Train-cnn-3x3-0")["InputDataConfig"]}
    for channel in ("train", "validation", "manifest"):
        uri = channels[channel]["DataSource"]["S3DataSource"]["S3Uri"]
        assert uri.startswith(f"{output}/")
        assert (processed / uri.removeprefix(f"{output}/")).exists()


def test_the_condition_asks_for_the_verdict_that_the_gate_gives(requests: Requests) -> None:
    (condition,) = requests.definition.step("QualityGate").arguments["Conditions"]
    assert condition["Type"] == "Equals"
    assert condition["LeftValue"]["Std:JsonGet"]["Path"] == "gate.verdict"
    assert condition["RightValue"] == decide("x", 0.9, 0.8).to_json()["verdict"]
    assert condition["RightValue"] != decide("x", 0.7, 0.8).to_json()["verdict"]
    worse = ChampionPart(required=True, passed=False, reason="It is worse.")
    assert condition["RightValue"] != decide("x", 0.9, 0.8, worse).to_json()["verdict"]
    (file,) = requests.definition.step("Evaluate").property_files
    assert (file.output_name, file.path) == ("evaluation", "evaluation.json")


def test_no_champion_is_called_alike_by_both(requests: Requests) -> None:
    """And never an empty text, which StartPipelineExecution refuses."""
    request = requests.of("Evaluate")
    assert f"--champion={NO_CHAMPION}" in words(request)
    assert parse(request).champion == NO_CHAMPION == importlib.import_module("evaluate").NO_CHAMPION
