"""The monitor, on what was captured of the first run's model: one folder of test images, one of inverted ones."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.local.state.objects import Objects
from pipeline.local.state.state_dir import Home
from pipeline.local.state.store import Store
from pipeline.targets.local_outcome import output_uri
from tests.captured import captured_lines, write_capture
from tests.conftest import read_idx
from tests.e2e.command import Finished, check_refusal, run
from tests.e2e.conftest import Run

pytestmark = pytest.mark.e2e
ENDPOINT = "local-fashion-mnist"


@dataclass(frozen=True)
class Monitored:
    """A state folder, what was captured, and how the monitor ended on it: nothing has changed; all is inverted."""

    home: Path
    folders: dict[str, Path]
    finished: dict[str, Finished]
    results: dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def monitored(first_run: Run, small_data_set: Path, tmp_path_factory: pytest.TempPathFactory) -> Monitored:
    root = tmp_path_factory.mktemp("monitored")
    home = Path(shutil.copytree(first_run.home, root / "home"))
    with Store(Home.open(home)) as store:
        objects = Objects(Home.open(home), store)
        (stored,) = objects.under(f"{output_uri(first_run.record, 'evaluation')}/predictions.npz")
        with np.load(objects.path(stored)) as predictions:
            answers = predictions[f"probabilities_{first_run.result['winner']}-0_test"][:250]
    pixels = read_idx(small_data_set / "t10k-images-idx3-ubyte.gz")[:250]
    # What the model would answer to inverted images does not matter here: their pixels tell.
    lines = {"same": captured_lines(pixels, answers), "inverted": captured_lines(255 - pixels, answers)}
    folders = {name: write_capture(root / name, 1, ENDPOINT, content) for name, content in lines.items()}
    finished, results = {}, {}
    for name, folder in folders.items():
        finished[name] = run(home, "monitor", folder, "--result", root / f"{name}.json")
        results[name] = json.loads((root / f"{name}.json").read_text())
    return Monitored(home, folders, finished, results)


def test_images_like_those_of_the_baseline_raise_no_alarm(monitored: Monitored) -> None:
    finished, result = monitored.finished["same"], monitored.results["same"]
    assert finished.status == 0, finished.said
    assert (result["status"], result["drift"]["verdict"]) == ("Succeeded", "no_drift")
    assert result["drift"]["images"] + sum(result["drift"]["left_out"].values()) == 250
    assert "No drift: " in finished.out
    assert f"images of {ENDPOINT}, answered by version 1" in finished.out
    assert "No drift" in Path(result["report"]).read_text(encoding="utf-8")


def test_inverted_images_fail_the_execution_with_what_has_changed(monitored: Monitored) -> None:
    finished, result = monitored.finished["inverted"], monitored.results["inverted"]
    assert finished.status == 1, finished.said
    assert (result["status"], result["drift"]["verdict"]) == ("Failed", "drift")
    assert "Step DriftFound failed: Drift in " in result["failure_reason"]
    assert "the images' brightness" in result["failure_reason"]
    assert f"executions/{result['execution_id']}/monitoring/report.html" in result["failure_reason"]
    report = Path(result["report"]).read_text(encoding="utf-8")
    assert report.count("data:image/png;base64,") == 24
    with Store(Home.open(monitored.home)) as store:
        record = store.load_execution(result["execution_id"])
        objects = Objects(Home.open(monitored.home), store)
        (stored,) = objects.under(f"{output_uri(record, 'monitoring')}/constraint_violations.json")
        violations = json.loads(objects.path(stored).read_bytes())["violations"]
    assert "pixel_mean" in {each["feature_name"] for each in violations}


def test_an_earlier_monitor_is_shown_with_what_it_found(monitored: Monitored) -> None:
    execution = monitored.results["inverted"]["execution_id"]
    shown = run(monitored.home, "show", execution)
    assert shown.status == 0, shown.said
    assert "Drifted" in shown.out
    assert "Pipeline    fashion-mnist-monitor" in shown.out
    report = run(monitored.home, "report", execution)
    assert report.out.strip() == monitored.results["inverted"]["report"]


def test_what_cannot_be_compared_is_refused_before_anything_runs(
    monitored: Monitored, tmp_path: Path
) -> None:
    folder = write_capture(tmp_path / "two", 1, "one", b"")
    write_capture(folder, 1, "two", b"")
    for words, told in (
        ((tmp_path / "nowhere",), "There is no folder"),
        ((tmp_path,), "has requests of several endpoints: one, two. Choose one with --endpoint."),
        ((folder, "--endpoint", "three"), "has no requests of the endpoint three; it has those of one, two."),
        ((folder, "--hours", "-1"), "--hours takes 1 to 8784 hours, or 0 for all there are (got -1)."),
        ((folder, "--data", tmp_path), "goes with --retrain"),
    ):
        refused = run(monitored.home, "monitor", *words)
        check_refusal(refused, 2)
        assert told in refused.err, refused.said
    (tmp_path / "empty").mkdir()
    assert (
        "has no captured requests: no file model-version-V/"
        in run(monitored.home, "monitor", tmp_path / "empty").err
    )


def test_lines_of_a_model_that_is_not_registered_fail_the_job_with_a_remedy(
    monitored: Monitored, tmp_path: Path
) -> None:
    folder = write_capture(
        tmp_path / "other", 7, ENDPOINT, next(monitored.folders["same"].rglob("*.jsonl")).read_bytes()
    )
    finished = run(monitored.home, "monitor", folder)
    assert finished.status == 1, finished.said
    assert "Version 7, which answered, is not in the model package group fashion-mnist." in finished.out
