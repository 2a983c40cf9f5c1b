"""Reuse, stop and resume from the command line, with real trainings."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from pipeline.local.state.objects import Objects
from pipeline.local.state.state_dir import Home
from pipeline.local.state.store import Store
from tests.e2e.command import (
    QUICK,
    Command,
    Finished,
    await_true,
    check_refusal,
    executions,
    processes_of,
    registered,
    run,
)
from tests.e2e.conftest import Run

pytestmark = pytest.mark.e2e

BUCKET = "fashion-mnist-123456789012-us-east-1"
STEP = "Train-baseline-0"
# It is suspended as soon as its third epoch has ended: the others are there to last until then.
EPOCHS = 24
LONG = (
    "--candidates", "baseline", "--param", f"Epochs={EPOCHS}", "--param", "BatchSize=16",
    "--param", "MinAccuracy=0.5",
)  # fmt: skip


@dataclass(frozen=True)
class Interrupted:
    """A run that was killed, resumed, stopped, and resumed again; then one that was left alone."""

    home: Path
    killed: dict[str, Any]
    refused: Finished
    stop: Finished
    stopped: Finished
    resumed: dict[str, Any]
    whole: dict[str, Any]


@pytest.fixture(scope="module")
def interrupted(
    first_run: Run, small_data_set: Path, tmp_path_factory: pytest.TempPathFactory
) -> Interrupted:
    folder = tmp_path_factory.mktemp("interrupted")
    home = Path(shutil.copytree(first_run.home, folder / "home"))
    words = ("run", "--data", small_data_set, "--any-data", *LONG)
    file = folder / "result.json"
    before = checkpoints(home)

    def result() -> dict[str, Any]:
        found: dict[str, Any] = json.loads(file.read_text())
        return found

    with Command(home, *words) as command:
        training = suspend_training(command, f"{STEP}: epoch 3 of {EPOCHS}")
        await_true(lambda: len(checkpoints(home)) > len(before), "a checkpoint on disk")
        command.signal(signal.SIGKILL)
        wake(training)
        command.finish()
    killed = run(home, "show", "--json").json()
    with Command(home, "resume", killed["execution_id"]) as command:
        training = suspend_training(command, f"{STEP}: epoch ")
        refused = run(home, "resume")
        with Command(home, "stop") as stopping:
            await_true(lambda: status(home) != "Executing", "the run to hear of it")
            wake(training)
            stop = stopping.finish()
        stopped = command.finish()
    again = run(home, "resume", "--result", file)
    assert again.status == 0, again.said
    resumed = result()
    whole = run(home, *words, "--no-cache", "--result", file)
    assert whole.status == 0, whole.said
    return Interrupted(home, killed, refused, stop, stopped, resumed, result())


def suspend_training(command: Command, said: str) -> psutil.Process:
    """Let the command's training rest once the command has `said` that."""
    command.wait_for(said)
    (training,) = command.jobs("train.py")
    training.suspend()
    return training


def wake(training: psutil.Process) -> None:
    """Let it go on, or end as it was told meanwhile; on a busy machine it may have been killed by now."""
    with contextlib.suppress(psutil.NoSuchProcess):
        training.resume()


def status(home: Path) -> str:
    """How the newest execution is."""
    with Store(Home.open(home)) as store:
        return store.load_execution().status


def checkpoints(home: Path) -> list[str]:
    """The keys of the step's checkpoints that are on disk, of all trainings."""
    opened = Home.open(home)
    with Store(opened) as store:
        found = Objects(opened, store).under(f"s3://{BUCKET}/fashion-mnist/checkpoints/")
    return [each.key for each in found if "/baseline-0/" in each.key and each.key.endswith(".npz")]


def digest(interrupted: Interrupted, result: dict[str, Any]) -> str:
    """The digest of the weights that the training of an execution ended with."""
    log = run(interrupted.home, "logs", result["execution_id"], STEP).out
    (found,) = re.findall("weights_digest=([0-9a-f]+)", log)
    return str(found)


def continued_after(interrupted: Interrupted, result: dict[str, Any]) -> list[int]:
    log = run(interrupted.home, "logs", result["execution_id"], STEP).out
    return [int(epoch) for epoch in re.findall(rf"^Continuing after epoch (\d+)/{EPOCHS}", log, re.MULTILINE)]


def states(result: dict[str, Any]) -> dict[str, str]:
    return {step["name"]: "reused" if step["cached"] else step["status"] for step in result["steps"]}


def test_an_unchanged_run_reuses_every_step_and_registers_nothing(
    first_run: Run, later_home: Path, small_data_set: Path, tmp_path: Path
) -> None:
    again = run(
        later_home, "run", "--data", small_data_set, "--any-data", "--candidates", "baseline,cnn-3x3", *QUICK,
        "--result", tmp_path / "result.json",
    )  # fmt: skip
    assert again.status == 0, again.said
    assert "Compiling" not in again.err
    result = json.loads((tmp_path / "result.json").read_text())
    assert states(result) == {
        "NormalizeData": "reused",
        "Train-baseline-0": "reused",
        "Train-cnn-3x3-0": "reused",
        "Evaluate": "reused",
        "QualityGate": "Succeeded",
        "GateMissed": "Skipped",
    }
    assert "Train-cnn-3x3-0: reused" in again.err
    assert "4 of 6 steps reused" in again.out
    assert f"Version 1, by execution {first_run.id}" in again.out
    assert result["model_package_arn"] == first_run.result["model_package_arn"]
    assert result["candidates"] == first_run.result["candidates"]
    assert len(registered(later_home)) == 1
    assert first_run.id in run(later_home, "logs", result["execution_id"], "Evaluate").out


def test_a_killed_execution_reads_as_failed_and_how_to_go_on(interrupted: Interrupted) -> None:
    assert interrupted.killed["status"] == "Failed"
    assert (
        f"python -m pipeline resume {interrupted.killed['execution_id']}"
        in interrupted.killed["failure_reason"]
    )
    assert states(interrupted.killed)[STEP] == "Stopped"


def test_it_is_resumed_under_its_own_id_from_the_checkpoint(interrupted: Interrupted) -> None:
    assert interrupted.resumed["execution_id"] == interrupted.killed["execution_id"]
    assert interrupted.resumed["status"] == "Succeeded"
    assert states(interrupted.resumed)["NormalizeData"] == "reused", "by the killed run, from the first"
    after_the_kill, after_the_stop = continued_after(interrupted, interrupted.resumed)
    assert 1 <= after_the_kill <= after_the_stop < EPOCHS


def test_a_running_execution_is_stopped_by_another_command(interrupted: Interrupted) -> None:
    check_refusal(interrupted.refused, 2, "it is still Executing")
    assert interrupted.stop.status == 0, interrupted.stop.said
    assert interrupted.stop.out.strip().endswith(" Stopped")
    check_refusal(interrupted.stopped, 130, "stopped", "python -m pipeline resume")
    assert interrupted.resumed["execution_id"] in interrupted.stop.out


def test_an_uninterrupted_training_starts_anew_and_ends_with_the_same_weights(
    interrupted: Interrupted,
) -> None:
    results = (interrupted.resumed, interrupted.whole)
    assert continued_after(interrupted, interrupted.whole) == []
    assert "reused" not in states(interrupted.whole).values()
    assert len({digest(interrupted, result) for result in results}) == 1
    assert len({result["candidates"][0]["test_accuracy"] for result in results}) == 1


def test_each_execution_registered_one_version(interrupted: Interrupted) -> None:
    by_execution = [package["metadata"]["execution_id"] for package in registered(interrupted.home)]
    assert len(by_execution) == len(set(by_execution)) == 3
    assert all(each["status"] == "Succeeded" for each in executions(interrupted.home))


def test_no_process_is_left(interrupted: Interrupted) -> None:
    assert processes_of(interrupted.home) == []


def test_selected_steps_run_on_an_earlier_execution(first_run: Run, later_home: Path, tmp_path: Path) -> None:
    """With its parameters, but for what is given."""
    finished = run(
        later_home, "run", "--candidates", "baseline,cnn-3x3", "--only", "Evaluate", "QualityGate", "--from",
        first_run.id, "--param", "MinAccuracy=0.999", "--result", tmp_path / "result.json",
    )  # fmt: skip
    check_refusal(finished, 1, "0.999")
    result = json.loads((tmp_path / "result.json").read_text())
    assert states(result) == {
        "NormalizeData": "reused",
        "Train-baseline-0": "reused",
        "Train-cnn-3x3-0": "reused",
        "Evaluate": "Succeeded",
        "QualityGate": "Succeeded",
        "GateMissed": "Failed",
    }
    assert {each["name"]: each["test_accuracy"] for each in result["candidates"]} == {
        each["name"]: each["test_accuracy"] for each in first_run.result["candidates"]
    }


def test_an_approved_model_becomes_the_champion_of_the_next_run(
    first_run: Run, later_home: Path, small_data_set: Path, tmp_path: Path
) -> None:
    assert run(later_home, "registry", "approve", "1").status == 0
    finished = run(
        later_home, "run", "--data", small_data_set, "--any-data", "--candidates", "baseline,cnn-3x3", *QUICK,
        "--result", tmp_path / "result.json",
    )  # fmt: skip
    assert finished.status == 0, finished.said
    assert "Champion: version 1" in finished.err
    result = json.loads((tmp_path / "result.json").read_text())
    assert states(result)["Train-cnn-3x3-0"] == "reused"
    assert states(result)["Evaluate"] == "Succeeded", "its arguments name the champion"
    assert "could not be scored" not in Path(result["report"]).read_text()
