"""Stand-ins and another Python through a whole execution: its record, its cache, its resumption."""

import json
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import UsageError
from pipeline.execution import ExecutionRecord
from pipeline.local.engine.start import resume_execution, start_execution
from pipeline.local.jobs.interpreter import Interpreter, find_interpreter
from pipeline.local.jobs.stand_in import StandIn, parse_stand_in
from pipeline.local.state.store import Store
from tests.pipeline.local.engine.test_start import Watcher
from tests.pipeline.local.workbench import QUICK, Workbench

DEFINITION: dict[str, Any] = {
    "Version": "2020-12-01",
    "Steps": [
        {
            "Name": "Prepare",
            "Type": "Processing",
            "CacheConfig": {"Enabled": True},
            "Arguments": {
                "AppSpecification": {"ImageUri": "1.dkr/spark:3"},
                "ProcessingResources": {"ClusterConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1}},
            },
        }
    ],
}


class Runs:
    """Runs DEFINITION, again and again, under a name of its own."""

    def __init__(self, bench: Workbench, store: Store) -> None:
        self.bench, self.store, self.watcher = bench, store, Watcher()

    def start(self, *stand_ins: StandIn, python: Interpreter | None = None) -> ExecutionRecord:
        return start_execution(
            json.dumps(DEFINITION), {}, pipeline_name=f"p{self.bench.execution_id}", stand_ins=stand_ins,
            python=python, **self._common(),
        )  # fmt: skip

    def resume(self, record: ExecutionRecord) -> ExecutionRecord:
        return resume_execution(record.execution_id, **self._common())

    def lines(self) -> Sequence[str]:
        return [line for _, line in self.watcher.lines]

    def _common(self) -> dict[str, Any]:
        return {
            "home": self.bench.home, "aws": self.bench.aws, "store": self.store, "observer": self.watcher,
            "stop": threading.Event(), "graces": QUICK,
        }  # fmt: skip


@pytest.fixture
def runs(bench: Workbench, local_store: Store) -> Runs:
    return Runs(bench, local_store)


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Interpreter:
    """A virtual environment with a module of its own, below /tmp as temporary folders are."""
    folder = tmp_path_factory.mktemp("other") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    packages = next(folder.glob("lib/python*/site-packages"))
    (packages / "only_there.py").write_text("")
    return find_interpreter(str(folder / "bin" / "python"))


def test_without_one_nothing_is_started(runs: Runs) -> None:
    with pytest.raises(
        UsageError, match=r'Prepare: no ContainerEntrypoint .*--stand-in "Prepare=python3 my_script'
    ):
        runs.start()
    assert runs.watcher.records == []


def test_a_result_is_reused_while_the_stand_in_stays_the_same(runs: Runs, tmp_path: Path) -> None:
    script = tmp_path / "prepare.py"
    script.write_text("print('first')")
    stand_in = parse_stand_in("Prepare=python3 prepare.py", tmp_path)
    again = [runs.start(stand_in).steps[0].cached for _ in range(2)]
    script.write_text("print('second')")
    assert [*again, runs.start(stand_in).steps[0].cached] == [False, True, False]
    assert [line for line in runs.lines() if line in ("first", "second")] == ["first", "second"]


def test_another_python_runs_the_jobs_and_their_result_is_another(runs: Runs, other: Interpreter) -> None:
    stand_in = StandIn("Prepare", ("python3", "-c", "import only_there; print('found', only_there.__file__)"))
    first, second = runs.start(stand_in, python=other), runs.start(stand_in, python=other)
    assert (first.status, first.python) == ("Succeeded", str(other.executable))
    assert any(line.startswith(f"found {other.prefixes[0]}/") for line in runs.lines())
    assert (first.steps[0].cached, second.steps[0].cached) == (False, True)
    assert not runs.start(StandIn("Prepare", ("python3", "-c", "pass"))).steps[0].cached


def test_an_execution_goes_on_with_what_it_was_started_with(
    runs: Runs, other: Interpreter, tmp_path: Path
) -> None:
    script = tmp_path / "prepare.py"
    script.write_text("import only_there; raise SystemExit('not yet')")
    failed = runs.start(parse_stand_in("*/spark:*=python3 prepare.py", tmp_path), python=other)
    assert failed.status == "Failed"
    script.write_text("import only_there; print('now')")
    assert runs.resume(failed).status == "Succeeded"
    assert "now" in runs.lines()


def test_jobs_do_not_change_the_packages_of_another_python(runs: Runs, other: Interpreter) -> None:
    if runs.bench.launcher.name != "sandbox":
        pytest.skip("this machine allows no sandbox")
    path = Path(other.packages[0], "made")
    record = runs.start(StandIn("Prepare", ("touch", str(path))), python=other)
    assert "Read-only file system" in str(record.steps[0].failure_reason)
    assert not path.exists()
