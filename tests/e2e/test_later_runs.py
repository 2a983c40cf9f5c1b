"""Runs that go on from an earlier one's state folder, all three started at once."""

from __future__ import annotations

import json
import shutil
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.command import (
    FORKED,
    QUICK,
    Command,
    Finished,
    check_refusal,
    executions,
    processes_of,
    registered,
    run,
)
from tests.e2e.conftest import Run

pytestmark = pytest.mark.e2e


@dataclass(frozen=True)
class Runs:
    """How the three runs ended, by name, and their results."""

    home: Path
    finished: dict[str, Finished]
    results: dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def runs(first_run: Run, small_data_set: Path, tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """`slower`: another learning rate, and a comparison with the first run's model. `again`: the first run's
    definition from a file, nothing reused. `strict`: the same, with a gate that cannot be passed."""
    folder = tmp_path_factory.mktemp("later-runs")
    home = shutil.copytree(first_run.home, folder / "home")
    # Its name is the pipeline's: results are reused within one pipeline.
    (folder / "fashion-mnist.json").write_text(first_run.definition)
    champion = f"ChampionModelPackage={first_run.result['model_package_arn']}"
    data = f"InputDataUri={first_run.record.parameters['InputDataUri']}"
    own = ("--data", small_data_set, "--any-data", "--candidates", "baseline", "--param", champion)
    file = ("--definition", folder / "fashion-mnist.json", "--param", data)
    words: dict[str, tuple[str | Path, ...]] = {
        "slower": (*own, *QUICK, "--param", "LearningRate=0.002"),
        "again": (*file, *QUICK, "--no-cache"),
        "strict": (*file, *QUICK[:4], "--param", "MinAccuracy=0.999"),
    }
    with ExitStack() as stack:
        commands = {
            name: stack.enter_context(
                Command(home, "run", *more, "--result", folder / f"{name}.json", **FORKED)
            )
            for name, more in words.items()
        }
        finished = {name: command.finish() for name, command in commands.items()}
    assert "Traceback" not in "".join(each.said for each in finished.values())
    results = {name: json.loads((folder / f"{name}.json").read_text()) for name in words}
    return Runs(home, finished, results)


def test_a_second_run_waits_for_the_first_and_says_so(runs: Runs) -> None:
    waited = [name for name, each in runs.finished.items() if "Waiting for the state folder" in each.err]
    assert len(waited) == 2


def test_later_runs_register_the_next_versions(runs: Runs, first_run: Run) -> None:
    assert [runs.finished[name].status for name in ("slower", "again")] == [0, 0]
    packages = {package["metadata"]["execution_id"]: package["version"] for package in registered(runs.home)}
    later = [runs.results[name]["execution_id"] for name in ("slower", "again")]
    assert packages[first_run.id] == 1
    assert {packages[each] for each in later} == {2, 3}
    assert len(packages) == 3
    for name, execution in zip(("slower", "again"), later, strict=True):
        assert runs.results[name]["model_package_arn"].endswith(f"/{packages[execution]}")


def test_a_missed_gate_fails_the_run_and_registers_nothing(runs: Runs) -> None:
    finished, result = runs.finished["strict"], runs.results["strict"]
    check_refusal(finished, 1, "0.999", "nothing")
    assert result["status"] == "Failed"
    assert "The quality gate was missed" in result["failure_reason"]
    assert result["gate"]["passed"] is False
    assert result["model_package_arn"] is None
    assert Path(result["report"]).is_file()
    steps = {step["name"]: step["status"] for step in result["steps"]}
    assert (steps["Evaluate"], steps["QualityGate"], steps["GateMissed"]) == (
        "Succeeded",
        "Succeeded",
        "Failed",
    )
    executions_of_packages = [package["metadata"]["execution_id"] for package in registered(runs.home)]
    assert result["execution_id"] not in executions_of_packages


def test_the_champion_of_an_earlier_process_is_scored_on_the_same_images(runs: Runs, first_run: Run) -> None:
    """Its artifact and its package come back from the disk."""
    shown = Path(runs.results["slower"]["report"]).read_text()
    winner = first_run.result["winner"]
    best = next(each for each in first_run.result["candidates"] if each["name"] == winner)
    assert "could not be scored" not in shown
    assert f"{winner}-0, {100 * best['test_accuracy']:.2f}" in shown


def test_the_same_definition_data_and_parameters_give_the_same_models(runs: Runs, first_run: Run) -> None:
    """Bit for bit as far as accuracies can tell, as the shares of the cores are equal."""
    result = runs.results["again"]
    assert not any(step["cached"] for step in result["steps"])
    measured = ("name", "seed", "params", "train_accuracy", "validation_accuracy", "test_accuracy")
    assert [[each[key] for key in measured] for each in result["candidates"]] == [
        [each[key] for key in measured] for each in first_run.result["candidates"]
    ]


def test_what_the_gate_does_not_change_is_reused(runs: Runs) -> None:
    cached = {step["name"]: step["cached"] for step in runs.results["strict"]["steps"]}
    assert [cached[name] for name in ("NormalizeData", "Train-baseline-0", "Train-cnn-3x3-0")] == [True] * 3
    assert cached["Evaluate"] is False


def test_every_execution_is_listed(runs: Runs, first_run: Run) -> None:
    listed = {each["execution_id"]: each["status"] for each in executions(runs.home)}
    assert listed.pop(first_run.id) == "Succeeded"
    assert listed == {each["execution_id"]: each["status"] for each in runs.results.values()}


def test_no_process_is_left(runs: Runs) -> None:
    assert processes_of(runs.home) == []


def test_a_model_can_be_approved_when_there_are_several(runs: Runs) -> None:
    assert run(runs.home, "registry", "approve", "2").status == 0
    approvals = {package["version"]: package["model_approval_status"] for package in registered(runs.home)}
    assert approvals == {1: "PendingManualApproval", 2: "Approved", 3: "PendingManualApproval"}
