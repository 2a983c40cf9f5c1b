"""A study from the command line: its expected time, Ctrl-C in the middle, the same command again, its tables."""

from __future__ import annotations

import csv
import json
import re
import shutil
import signal
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.command import QUICK, Command, Finished, check_refusal, processes_of, run
from tests.e2e.conftest import Run

pytestmark = pytest.mark.e2e

FILES = {
    "README.md", "results.csv", "summary.csv", "differences.csv", "images.csv", "epochs.csv", "study.json",
}  # fmt: skip


@dataclass(frozen=True)
class Study:
    """A study that was interrupted by Ctrl-C, then finished by the same command."""

    home: Path
    out: Path
    interrupted: Finished
    left: list[str]
    finished: Finished


@pytest.fixture(scope="module")
def study(first_run: Run, small_data_set: Path, tmp_path_factory: pytest.TempPathFactory) -> Study:
    """With two seeds; the trainings of the first are those of the first run."""
    folder = tmp_path_factory.mktemp("study")
    home = Path(shutil.copytree(first_run.home, folder / "home"))
    out = folder / "tables" / "study"
    words = (
        "study", "--seeds", "2", "--candidates", "baseline,cnn-3x3", "--data", small_data_set, "--any-data", *QUICK,
        "--parallel", "1", "--out", out,
    )  # fmt: skip
    with Command(home, *words) as command:
        command.wait_for("Train-baseline-1: succeeded")
        command.signal(signal.SIGINT)
        interrupted = command.finish()
    left = [*processes_of(home), *map(str, out.iterdir())]
    return Study(home, out, interrupted, left, run(home, *words))


def test_it_says_the_expected_time_before_it_trains(study: Study) -> None:
    before, _, after = study.interrupted.err.partition("Expected time: about ")
    assert "Measuring how fast baseline trains here" in before
    assert "running" not in before
    assert re.match(r"\d.* for 2 trainings \(epochs: 1\), 1 at once", after)
    assert "2 of 4 trainings are done already" in after
    assert re.search(r"cnn-3x3 +[\d,]+ images/s, \d+ s to start and save \(measured just now\)", after)


def test_ctrl_c_stops_it_and_it_says_how_to_go_on(study: Study) -> None:
    check_refusal(study.interrupted, 130, "The study is not finished", "Go on with the same command")
    assert study.left == []


def test_the_same_command_goes_on(study: Study) -> None:
    assert study.finished.status == 0, study.finished.said
    assert "3 of 4 trainings are done already" in study.finished.err
    assert "Train-baseline-1: reused" in study.finished.err
    assert "Train-cnn-3x3-1: succeeded" in study.finished.err


def test_the_tables_hold_the_results_of_the_execution(study: Study) -> None:
    assert {path.name for path in study.out.iterdir()} == FILES
    document = json.loads((study.out / "study.json").read_text())
    shown = run(study.home, "show", document["execution_id"], "--json").json()
    with (study.out / "results.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["candidate"], int(row["seed"])) for row in rows] == [
        ("baseline", 0), ("cnn-3x3", 0), ("baseline", 1), ("cnn-3x3", 1),
    ]  # fmt: skip
    for row, candidate in zip(rows, shown["candidates"], strict=True):
        for column in ("params", "train_accuracy", "validation_accuracy", "test_accuracy", "train_seconds"):
            assert float(row[column]) == candidate[column]
    page = (study.out / "README.md").read_text()
    assert "--seeds 2 --candidates baseline,cnn-3x3" in page
    assert document["data_digest"] in page
    for verdict in document["verdicts"]:
        assert verdict["claim"] in page
        assert verdict["decision"] == "undecided", "two seeds are too few to conclude from"


def test_the_tables_of_an_earlier_execution_are_written_without_a_run(
    first_run: Run, later_home: Path, tmp_path: Path
) -> None:
    finished = run(later_home, "study", "--tables", first_run.id[:5], "--out", tmp_path / "tables")
    assert finished.status == 0, finished.said
    assert {path.name for path in (tmp_path / "tables").iterdir()} == FILES
    assert len(run(later_home, "executions", "--json").json()) == 1


def test_an_estimate_runs_nothing(first_run: Run, later_home: Path, small_data_set: Path) -> None:
    finished = run(
        later_home, "study", "--estimate", "--seeds", "1", "--candidates", "baseline,cnn-3x3",
        "--data", small_data_set, "--any-data", *QUICK,
    )  # fmt: skip
    assert finished.status == 0, finished.said
    assert "Expected time: a minute. Every training is done already" in finished.err
    assert len(run(later_home, "executions", "--json").json()) == 1


def test_stand_ins_run_in_the_place_of_its_steps(study: Study, small_data_set: Path, tmp_path: Path) -> None:
    home = Path(shutil.copytree(study.home, tmp_path / "home"))
    finished = run(
        home, "study", "--seeds", "1", "--candidates", "baseline", "--data", small_data_set, "--any-data", *QUICK,
        "--out", tmp_path / "tables", "--stand-in", "NormalizeData=sh -c 'exit 7'",
    )  # fmt: skip
    assert finished.status == 1, finished.said
    assert "what --stand-in runs may take more or less." in finished.err
    assert "exit status 7" in finished.out
