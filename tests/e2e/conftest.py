"""One run of the whole pipeline for all tests to look at, and copies of its state folder to go on from."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytest

from pipeline.execution import ExecutionRecord
from pipeline.local.state.state_dir import Home
from pipeline.local.state.store import Store
from tests.e2e.command import QUICK, Finished, processes_of, run
from tests.shared import made_once
from tests.trap import Trap, surroundings


@dataclass(frozen=True)
class Run:
    """A run that has ended: its state folder, what it said, its JSON result, and what got out of it.

    `left`: processes that outlived it; `programs` of the user that were run.
    """

    home: Path
    finished: Finished
    result: dict[str, Any]
    received: list[str]
    programs: list[str]
    left: list[str]

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
    """A successful run, by a user whose settings all lead to real AWS. Read-only: see `later_home`.

    It is made once for all workers; each has a copy of the state folder.
    """

    def make(folder: Path) -> dict[str, Any]:
        user = surroundings(trap, tmp_path_factory.mktemp("user"), "no-such-profile")
        finished = run(
            folder / "home", "run", "--data", small_data_set, "--any-data", "--candidates", "baseline,cnn-3x3",
            *QUICK, "--result", folder / "result.json",
            **user,
        )  # fmt: skip
        assert finished.status == 0, finished.said
        return {
            "home": str(folder / "home"),
            "finished": asdict(finished),
            "result": json.loads((folder / "result.json").read_text()),
            "received": list(trap.received),
            "programs": [path.name for path in Path(user["HOME"]).glob("credential-process-was-run")],
            "left": processes_of(folder / "home"),
        }

    made = made_once(tmp_path_factory, "first-run", make)
    home = Path(shutil.copytree(made["home"], tmp_path_factory.mktemp("copied") / "home"))
    # The one path that the result names.
    result = {**made["result"], "report": made["result"]["report"].replace(made["home"], str(home))}
    return Run(home, Finished(**made["finished"]), result, made["received"], made["programs"], made["left"])


@pytest.fixture
def later_home(first_run: Run, tmp_path: Path) -> Path:
    """A copy of the state folder that the first run left."""
    return Path(shutil.copytree(first_run.home, tmp_path / "home"))
