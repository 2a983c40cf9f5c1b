"""`explain` on the command line."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.cli.main import main
from pipeline.local.state.decisions import Decisions
from pipeline.local.state.state_dir import Home
from pipeline.local.state.store import Store
from tests.pipeline.local.kept_state import make_state


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A state folder with executions that were run before decisions were kept."""
    monkeypatch.setenv("FASHION_HOME", str(tmp_path / "home"))
    home = Home.open(tmp_path / "home")
    make_state(home)
    return home


def first_step(home: Home) -> tuple[str, str]:
    with Store(home) as store:
        record = store.load_execution("exec00000001")
    return record.execution_id, next(step.name for step in record.steps if step.started_at)


def test_it_is_not_known_why_a_step_of_an_older_version_ran(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", *first_step(home)]) == 0
    assert "more is not known" in capsys.readouterr().out


def test_the_same_in_json(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    execution, step = first_step(home)
    with Store(home) as store:
        Decisions(store).note(
            execution, step, "[]", "expired", "the result of x is older than ExpireAfter=P1D"
        )
    assert main(["explain", execution[:-1] + "1", step, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "execution_id": execution,
        "step": step,
        "status": "Succeeded",
        "reason": "expired",
        "text": f"{step} ran, since the result of x is older than ExpireAfter=P1D.",
        "compared_with": None,
        "changes": [],
    }


def test_a_step_that_there_is_not_is_named_with_those_that_there_are(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    execution, step = first_step(home)
    assert main(["explain", execution, "Evalaute"]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"error: Execution {execution} has no step 'Evalaute'. Its steps are ")
    assert step in said


def test_it_is_not_known_what_decided_successes_of_an_older_version(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    execution, step = first_step(home)
    with Store(home) as store:
        later = replace(store.load_execution(execution), execution_id="later0000000", started_at=2000.0)
        store.save_execution(later, "{}")
        Decisions(store).note("later0000000", step, "[]", "no result")
    assert main(["explain", "later0000000", step]) == 0
    assert capsys.readouterr().out == f"{step} ran; it is not known what decided its earlier successes.\n"
