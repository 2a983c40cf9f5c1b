"""Ctrl-C, a second command meanwhile, and SIGKILL, in the middle of a training that would take an hour."""

from __future__ import annotations

import json
import shutil
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipeline.execution import ExecutionRecord
from pipeline.local.state.objects import Objects
from pipeline.local.state.state_dir import Home
from pipeline.local.state.store import Store
from tests.e2e.command import (
    FORKED,
    Command,
    Finished,
    await_true,
    check_refusal,
    executions,
    processes_of,
    run,
)
from tests.e2e.conftest import Run

pytestmark = pytest.mark.e2e

STEP = "Train-baseline-0"
STOP_SECONDS = 10


@dataclass(frozen=True)
class Interrupted:
    """What became of a run that was killed, and of one after it that was interrupted."""

    home: Path
    folder: Path
    killed: ExecutionRecord
    left_by_killed: list[str]
    waiting: Finished
    stopped: Finished
    seconds: float
    left_by_stopped: list[str]

    @property
    def record(self) -> ExecutionRecord:
        return latest(self.home)


def latest(home: Path) -> ExecutionRecord:
    with Store(Home.open(home)) as store:
        return store.load_execution()


def checkpoints(home: Path, run: Run) -> list[str]:
    """The step's checkpoints that are on disk, where a later run finds them."""
    steps = json.loads(run.definition)["Steps"]
    uri = next(step for step in steps if step["Name"] == STEP)["Arguments"]["CheckpointConfig"]["S3Uri"]
    with Store(Home.open(home)) as store:
        keys = [item.key for item in Objects(Home.open(home), store).under(f"{uri}/")]
    return [key for key in keys if key.endswith(".npz")]  # one that is still being written is none


@pytest.fixture(scope="module")
def interrupted(first_run: Run, tmp_path_factory: pytest.TempPathFactory) -> Interrupted:
    folder = tmp_path_factory.mktemp("interrupted")
    home = Path(shutil.copytree(first_run.home, folder / "home"))
    of_the_first_run = checkpoints(home, first_run)
    (folder / "definition.json").write_text(first_run.definition)
    words: tuple[str | Path, ...] = (
        "run", "--definition", folder / "definition.json", "--param", "Epochs=5000",
        "--param", f"InputDataUri={first_run.record.parameters['InputDataUri']}",
    )  # fmt: skip
    with Command(home, *words, **FORKED) as command:
        command.wait_for(f"{STEP}: epoch 1 of 5000")
        await_true(
            lambda: bool(set(checkpoints(home, first_run)) - set(of_the_first_run)), "a checkpoint on disk"
        )
        command.signal(signal.SIGKILL)
        command.finish()
    killed = latest(home)
    await_true(lambda: not processes_of(home), "the killed run's processes to end", 15)
    left_by_killed = processes_of(home)
    with Command(home, *words, "--result", folder / "result.json", **FORKED) as command:
        command.wait_for(f"{STEP}: epoch ")
        with Command(home, "registry", "approve", "1") as second:
            second.wait_for("Waiting for the state folder")
            second.signal(signal.SIGINT)
            waiting = second.finish()
        began = time.monotonic()
        command.signal(signal.SIGINT)
        stopped = command.finish()
        seconds = time.monotonic() - began
    return Interrupted(
        home, folder, killed, left_by_killed, waiting, stopped, seconds, left_by_stopped=processes_of(home)
    )


def test_ctrl_c_stops_the_run_within_seconds(interrupted: Interrupted) -> None:
    check_refusal(interrupted.stopped, 130, "stopped")
    assert interrupted.seconds < STOP_SECONDS


def test_the_execution_reads_stopped(interrupted: Interrupted) -> None:
    result = json.loads((interrupted.folder / "result.json").read_text())
    assert (result["status"], result["failure_reason"], result["winner"]) == ("Stopped", None, None)
    steps = {step["name"]: step["status"] for step in result["steps"]}
    assert steps == {
        "NormalizeData": "Succeeded",
        "Train-baseline-0": "Stopped",
        "Train-cnn-3x3-0": "Stopped",
        "Evaluate": "Pending",
        "QualityGate": "Pending",
        "GateMissed": "Pending",
    }
    assert run(interrupted.home, "show", "--json").json() == result
    assert executions(interrupted.home)[0]["status"] == "Stopped"
    assert "stopped" in run(interrupted.home, "show").out


def test_no_process_and_no_temporary_file_is_left(interrupted: Interrupted) -> None:
    assert interrupted.left_by_stopped == []
    # A stop does not wait until the jobs' folders are deleted: the next command that runs something does that.
    temporary = interrupted.home / "tmp"
    assert [path.name for path in temporary.iterdir() if "-stopped-pipelines-" not in path.name] == []
    run(interrupted.home, "registry", "reject", "99")
    assert list(temporary.iterdir()) == []


def test_training_ended_cleanly_with_a_checkpoint(interrupted: Interrupted) -> None:
    log = run(interrupted.home, "logs", interrupted.record.execution_id, STEP).out
    assert "Traceback" not in log
    assert "checkpoint" in log.splitlines()[-2] + log.splitlines()[-1]


def test_a_killed_run_leaves_no_process_and_a_state_that_reads(interrupted: Interrupted) -> None:
    assert interrupted.left_by_killed == []
    assert interrupted.killed.step("NormalizeData").status == "Succeeded"
    listed = [each["execution_id"] for each in executions(interrupted.home)]
    assert listed[:2] == [interrupted.record.execution_id, interrupted.killed.execution_id]


def test_training_goes_on_from_the_checkpoint_of_a_killed_run(interrupted: Interrupted) -> None:
    log = run(interrupted.home, "logs", interrupted.record.execution_id, STEP).out
    assert "Continuing after epoch " in log


def test_a_second_command_is_told_to_wait_and_can_give_up(interrupted: Interrupted) -> None:
    """It named the execution; and its end did not touch the run."""
    check_refusal(interrupted.waiting, 130, f"execution {interrupted.record.execution_id}")
