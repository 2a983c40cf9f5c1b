"""MLflow as a user has it: a run that publishes, all executions in its pages, and ends that leave nothing."""

from __future__ import annotations

import re
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.tracking.turns import turn
from tests.e2e.command import QUICK, Command, await_true, processes_of, run
from tests.e2e.conftest import Run
from tests.pipeline.browsers import browser_program, start_chromium
from tests.pipeline.tracking.mlflow_rest import Rest

pytestmark = pytest.mark.e2e

ADDRESS = re.compile(r"MLflow shows the executions at (http://127\.0\.0\.1:[0-9]+); Ctrl-C ends it\.")
COMMON = ("--any-data", "--candidates", "baseline,cnn-3x3", *QUICK)


@pytest.fixture(scope="module")
def home(first_run: Run, small_data_set: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state folder with the first run, which published nothing, and one that reused its results and published."""
    home = Path(shutil.copytree(first_run.home, tmp_path_factory.mktemp("tracked") / "home"))
    finished = run(home, "run", "--data", small_data_set, *COMMON, "--mlflow")
    assert finished.status == 0, finished.said
    assert "Published to MLflow: the local store" in finished.err
    return home


def address(command: Command) -> str:
    command.wait_for("MLflow shows the executions at")
    found = ADDRESS.search(command.err)
    assert found is not None, command.err
    return found[1]


@pytest.fixture(scope="module")
def url(home: Path) -> Iterator[str]:
    """Where `mlflow` shows the two executions, until Ctrl-C ends it."""
    with Command(home, "mlflow", "--port", "0") as command:
        shown_at = address(command)
        await_true(lambda: ended_runs(Rest(shown_at)) == 6, "two executions of two trainings")
        yield shown_at
        command.signal(signal.SIGINT)
        finished = command.finish()
    assert finished.status == 0, finished.said
    assert finished.err.endswith("Ended.\n")


def ended_runs(rest: Rest) -> int:
    """How many runs are there with all that they have: that they have ended is told last."""
    found = rest.ask("experiments/search", {"max_results": 10})["experiments"]
    ids = [each["experiment_id"] for each in found]
    runs = rest.ask("runs/search", {"experiment_ids": ids}).get("runs", [])
    return sum(run["info"]["status"] == "FINISHED" for run in runs)


def test_all_executions_are_shown_and_the_reuse_is_told(url: str, first_run: Run) -> None:
    rest = Rest(url)
    runs = rest.ask("runs/search", {"experiment_ids": [rest.experiment("fashion-mnist")]})["runs"]
    tags = [{each["key"]: each["value"] for each in run["data"]["tags"]} for run in runs]
    reused = [each["fashion.reused_from"] for each in tags if "fashion.reused_from" in each]
    assert reused == [first_run.id] * 2
    assert {each["fashion.execution"] for each in tags} >= {first_run.id}
    # Both say what the same training did, epoch by epoch.
    of_step = [run for run in runs if run["info"]["run_name"] == "Train-baseline-0"]
    epochs = [
        [value for _, value, _ in rest.history(run["info"]["run_id"], "validation_accuracy")]
        for run in of_step
    ]
    assert epochs[0] == pytest.approx(epochs[1], abs=1e-4)
    assert len(epochs[0]) == 1


def test_publishing_all_again_changes_nothing(home: Path, url: str) -> None:
    def published() -> str:
        finished = run(home, "mlflow", "publish", "--all")
        said = f"Published 2 executions to the local store, {home / 'mlflow'}.\n"
        assert finished.out == said, finished.said
        rest = Rest(url)
        runs = rest.ask("runs/search", {"experiment_ids": [rest.experiment("fashion-mnist")]})["runs"]
        ids = {run["info"]["run_id"]: [each["key"] for each in run["data"]["metrics"]] for run in runs}
        histories = [[rest.history(run, key) for key in keys] for run, keys in ids.items()]
        return repr((runs, histories))

    assert published() == published()


def test_its_pages_show_an_execution_with_its_report(url: str) -> None:
    with start_chromium(browser_program("MLFLOW IN A BROWSER")) as browser:
        experiment = Rest(url).experiment("fashion-mnist")
        (parent, *_) = [
            run["info"]["run_id"]
            for run in Rest(url).ask("runs/search", {"experiment_ids": [experiment]})["runs"]
            if not run["info"]["run_name"].startswith("Train-")
        ]
        page = browser.new_page()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{url}/#/experiments/{experiment}/runs/{parent}")
        page.get_by_text("fashion.winner").first.wait_for(timeout=120_000)
        page.goto(f"{url}/#/experiments/{experiment}/runs/{parent}/artifacts/report.html")
        # MLflow shows a file of HTML in a frame.
        page.frame_locator("iframe").get_by_text("on the test images").first.wait_for(timeout=120_000)
        elsewhere = {each for each in asked if not each.startswith((url, "data:", "blob:", "about:"))}
    assert elsewhere == set()


def test_it_ends_with_the_command_also_when_that_is_killed(home: Path, tmp_path: Path) -> None:
    with turn(home / "mlflow"):  # Nobody writes there meanwhile.
        copied = Path(shutil.copytree(home, tmp_path / "home"))
    with Command(copied, "mlflow", "--port", "0") as command:
        address(command)
        assert any("server_process" in each for each in processes_of(copied))
        command.signal(signal.SIGKILL)
        command.finish()
        await_true(lambda: processes_of(copied) == [], "everything to end")


def test_a_run_succeeds_though_nobody_listens_where_it_publishes(
    later_home: Path, small_data_set: Path
) -> None:
    place = "http://127.0.0.1:9"
    finished = run(later_home, "run", "--data", small_data_set, *COMMON, "--mlflow", place)
    assert finished.status == 0, finished.said
    assert (
        f"Publishing to MLflow has stopped for this execution ({place}): Connection refused." in finished.err
    )
    assert "Publish it later with: python -m pipeline mlflow publish " in finished.err
