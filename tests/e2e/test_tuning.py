"""A search from the command line: killed in its middle it goes on, and proposes what it would have proposed."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.command import Command, await_true, check_refusal, executions, processes_of, run
from tests.pipeline.local.engine.tuning.searches import arguments, definition_of_trials

pytestmark = pytest.mark.e2e

TRAIN = """
import json, os, pathlib, time
settings = json.loads(pathlib.Path(os.environ["SM_INPUT_CONFIG_DIR"], "hyperparameters.json").read_text())
held = pathlib.Path(__file__).with_name("hold")
for epoch in range(int(settings["epochs"])):
    print(f"epoch={epoch + 1} accuracy={1 - float(settings['rate']) / 10:.6f}", flush=True)
    while "-Tune-003-" in os.environ["TRAINING_JOB_NAME"] and held.exists():
        time.sleep(0.05)
pathlib.Path(os.environ["SM_MODEL_DIR"], "rate").write_text(settings["rate"])
"""


def definition(folder: Path, name: str) -> Path:
    """A search of four trials, one after another. The third waits in its first epoch while there is a file `hold`.

    Searches of other names propose the same, but none is reused for another.
    """
    own = definition_of_trials(StaticHyperParameters={"epochs": "4"}, Environment={"NAME": name})
    request = arguments("Bayesian", trials=4, definition=own)
    step = {"Name": "Tune", "Type": "Tuning", "Arguments": request, "CacheConfig": {"Enabled": True}}
    file = folder / f"{name}.json"
    file.write_text(json.dumps({"Version": "2020-12-01", "Steps": [step]}))
    (folder / "train.py").write_text(TRAIN)
    return file


def trials(home: Path, execution_id: str) -> list[dict[str, Any]]:
    """The trials of an execution's steps: number, state and whether it was taken over."""
    shown = run(home, "show", execution_id, "--json").json()
    return [step for step in shown["steps"] if step["type"] == "Training"]


def tuned(home: Path, execution_id: str) -> list[str]:
    """What the search said that it proposed."""
    log = run(home, "logs", execution_id, "Tune").out
    return sorted({line for line in log.splitlines() if "rate=" in line})


def test_a_killed_search_goes_on(tmp_path: Path) -> None:
    home = tmp_path / "home"
    stand_in = f"Tune=python3 {tmp_path}/train.py"
    file, hold = definition(tmp_path, "killed"), tmp_path / "hold"
    hold.touch()
    words = ("run", "--definition", file, "--stand-in", stand_in, "--plain")
    with Command(home, *words) as command:
        command.wait_for("Tune-003: running")
        command.signal(signal.SIGKILL)
    hold.unlink()
    await_true(lambda: not processes_of(home), "the killed search's processes to end", 60)
    (killed,) = executions(home)
    assert [trial["status"] for trial in trials(home, killed["execution_id"])] == ["Succeeded"] * 2 + [
        "Stopped"
    ]
    resumed = run(home, "resume", killed["execution_id"])
    assert resumed.status == 0, resumed.said
    assert "Tune-001: running" not in resumed.err
    assert [trial["status"] for trial in trials(home, killed["execution_id"])] == ["Succeeded"] * 4
    undisturbed = run(
        home, "run", "--definition", definition(tmp_path, "undisturbed"), "--stand-in", stand_in
    )
    assert undisturbed.status == 0, undisturbed.said
    newest = executions(home)[0]["execution_id"]
    assert newest != killed["execution_id"]
    assert tuned(home, newest) == tuned(home, killed["execution_id"])
    shown = run(home, "show", newest).out
    assert "trials of Tune" in shown
    again = run(home, "run", "--definition", file, "--stand-in", stand_in)
    assert "Tune: reused" in again.err, again.said


def test_a_search_that_cannot_be_made_is_refused_before_anything_runs(tmp_path: Path) -> None:
    file = definition(tmp_path, "refused")
    document = json.loads(file.read_text())
    document["Steps"][0]["Arguments"]["HyperParameterTuningJobConfig"]["ResourceLimits"] = {
        "MaxNumberOfTrainingJobs": 0,
        "MaxParallelTrainingJobs": 1,
    }
    file.write_text(json.dumps(document))
    finished = run(tmp_path / "home", "run", "--definition", file, "--stand-in", "Tune=python3 -c pass")
    check_refusal(finished, 2, "MaxNumberOfTrainingJobs")
    check_refusal(run(tmp_path / "home", "run", "--tune", "0"), 2, "--tune takes 1 to 100 trials")
