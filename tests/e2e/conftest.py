"""One run of the whole pipeline for the tests to look at, and copies of its state folder to go on from."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pipeline.execution import ExecutionRecord
from pipeline.local.state.state_dir import Home
from pipeline.local.state.store import Store
from tests.e2e.command import QUICK, Finished, run
from tests.trap import Trap, surroundings


@dataclass(frozen=True)
class Run:
    """A run that has ended: its state folder, what it said, its JSON result, and what got out of it."""

    home: Path
    finished: Finished
    result: dict[str, Any]
    received: list[str]
    programs: list[str]

    @property
    def id(self) -> str:
        return str(self.result["execution_id"])

    @property
    def record(self) -> ExecutionRecord:
        with Store(Home.open(self.home)) as store:
            return store.load_execution(self.id)

    @property
    def definition(self) -> str:
        """The compiled definition that was executed."""
        with Store(Home.open(self.home)) as store:
            return store.definition_text(self.id)


@pytest.fixture(scope="session")
def trap() -> Iterator[Trap]:
    trap = Trap()
    yield trap
    trap.close()


@pytest.fixture(scope="session")
def first_run(small_data_set: Path, trap: Trap, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A successful run, by a user whose settings all lead to real AWS. Read-only: see `later_home`."""
    folder = tmp_path_factory.mktemp("first-run")
    user = surroundings(trap, tmp_path_factory.mktemp("user"), "no-such-profile")
    finished = run(
        folder / "home", "run", "--data", small_data_set, "--any-data", "--candidates", "baseline,cnn-3x3",
        *QUICK, "--result", folder / "result.json",
        **user,
    )  # fmt: skip
    assert finished.status == 0, finished.said
    result = json.loads((folder / "result.json").read_text())
    used = [path.name for path in Path(user["HOME"]).iterdir() if path.name == "credential-process-was-run"]
    return Run(folder / "home", finished, result, list(trap.received), used)


@pytest.fixture
def later_home(first_run: Run, tmp_path: Path) -> Path:
    """A copy of the state folder that the first run left."""
    return Path(shutil.copytree(first_run.home, tmp_path / "home"))
