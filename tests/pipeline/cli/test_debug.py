"""`debug`: a command, or a shell, where a failed job ran."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from pipeline.cli.main import main
from pipeline.errors import UsageError
from pipeline.local.jobs.kept_start import HostStart
from pipeline.local.testing import local_pipeline
from tests.e2e.command import await_true
from tests.pipeline.local.test_testing import BUCKET, RAW, copy_step, definition

ROOT = Path(__file__).resolve().parents[3]
IN, OUT = "/opt/ml/processing/in", "/opt/ml/processing/out"
# Fails unless something is in its output already.
JOB = f'echo "$GREETING, $0"; test -e {OUT}/left'
ON_A_TERMINAL = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))"


@dataclass(frozen=True)
class Failed:
    state: Path
    execution: str

    def debug(self, *words: str) -> int:
        return main(["debug", self.execution, *words])

    @property
    def folder(self) -> Path:
        return self.state / "executions" / self.execution / "steps"


@pytest.fixture(scope="module", params=["sandbox", "process"])
def failed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Failed:
    """An execution with a step that failed, one that succeeded, one not reached, and a loop that failed."""
    broken = copy_step("Broken", f"{BUCKET}/raw/", command=JOB)
    broken["Arguments"]["Environment"] = {"GREETING": "good day"}
    fine = copy_step("Fine", f"{BUCKET}/raw/")
    after = copy_step("After", f"{BUCKET}/raw/") | {"DependsOn": ["Broken"]}
    body = [copy_step("Child", f"{BUCKET}/raw/", command="exit 3")]
    each: dict[str, Any] = {
        "Name": "Each",
        "Type": "ForEach",
        "Arguments": {"IterableItems": ["a"], "MaxConcurrency": 1},
    }
    each["Arguments"]["ForEachBody"] = body
    state = tmp_path_factory.mktemp("debug") / "state"
    with local_pipeline(state) as pipeline:
        try:
            result = pipeline.run(definition(broken, fine, after, each), uploads=RAW, launcher=request.param)
        except UsageError as error:  # Where no sandbox can be made, as in some containers.
            if "sandbox" not in str(error):
                raise
            pytest.skip(str(error))
    assert result.statuses == {
        "Broken": "Failed",
        "Fine": "Succeeded",
        "After": "Pending",
        "Each": "Failed",
        "Child-0": "Failed",
    }
    return Failed(state, result.record.execution_id)


@pytest.fixture(autouse=True)
def surroundings(failed: Failed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", os.environ.copy())
    monkeypatch.setenv("FASHION_HOME", str(failed.state))


def test_a_command_runs_where_the_job_ran(failed: Failed, capfd: pytest.CaptureFixture[str]) -> None:
    place = failed.folder / "Broken" / "container"
    seen = (
        ""
        if json.loads((failed.folder / "Broken" / "job.json").read_text())["launcher"] == "sandbox"
        else place
    )
    look = (
        f'cat {seen}{IN}/a.txt; echo " $GREETING"; '
        "python3 -c \"import boto3; print(boto3.client('s3').get_object(Bucket='a-bucket', Key='raw/a.txt')"
        "['ContentLength'])\"; exit 7"
    )
    assert failed.debug("Broken", "--", "sh", "-c", look) == 7
    out, said = capfd.readouterr()
    assert out == "a good day\n1\n"
    assert f"The folder of pipelines-{failed.execution}-Broken-" in said
    assert str(place) in said
    assert 'sh -c \'echo "$GREETING, $0"; test -e' in said


def test_what_was_started_is_kept_without_the_runs_key(failed: Failed) -> None:
    kept = json.loads((failed.folder / "Broken" / "job.json").read_text())
    (host,) = kept["hosts"]
    assert host["environment"]["GREETING"] == "good day"
    assert [name for name in host["environment"] if name.startswith("AWS_")] == []


def test_resuming_uses_nothing_of_what_was_done_there(
    failed: Failed, capfd: pytest.CaptureFixture[str]
) -> None:
    place = failed.folder / "Broken" / "container"
    (place / OUT.lstrip("/") / "left").touch()
    kept = json.loads((failed.folder / "Broken" / "job.json").read_text())["hosts"][0]
    assert failed.debug("Broken", "--", *kept["command"]) == 0
    assert "good day, w" in capfd.readouterr().out
    assert main(["resume", failed.execution, "--plain"]) == 1
    assert not (place / OUT.lstrip("/") / "left").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["Fine"], "only failed ones leave their folders"),
        (["After"], "no job of it ran there (Pending)"),
        (["Borken"], "there is no such step. Its steps are Broken, Fine, After, Each, Child-0"),
        (["Each"], "a step of type ForEach runs nothing itself (Failed). What happened is told by: "),
        (["Broken", "--host", "algo-1"], "--host stands where the command to run begins"),
    ],
)
def test_it_says_why_there_is_nothing_to_debug(
    failed: Failed, words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert failed.debug(*words) == 2
    assert said in capsys.readouterr().err


def test_a_host_that_there_is_not_is_named(failed: Failed, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["debug", "--host", "algo-2", failed.execution, "Broken"]) == 2
    assert "there is no host 'algo-2'. Its hosts are algo-1." in capsys.readouterr().err


def sleeps_below(pid: int) -> bool:
    """Whether a process that this one started, or one of theirs, is `sleep`."""
    try:
        return any(child.name() == "sleep" for child in psutil.Process(pid).children(recursive=True))
    except psutil.NoSuchProcess:  # One ended while it was looked at.
        return False


def test_a_shell_has_the_terminal_and_an_interrupt_is_its_own(failed: Failed) -> None:
    command = [sys.executable, "-c", ON_A_TERMINAL, sys.executable, "-m", "pipeline", "debug"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "FASHION_HOME": str(failed.state)}
    shell: Any = subprocess.Popen(
        [*command, failed.execution, "Broken"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env=environment,
    )
    with shell:
        shell.stdin.write(b"test -t 0 && echo termi''nal; sleep 100\n")
        shell.stdin.flush()
        seen = b""
        while b"terminal\r" not in seen:
            piece = os.read(shell.stdout.fileno(), 4096)
            assert piece, seen
            seen += piece
        # Before its child is there the shell would take the interrupt, and the child would sleep to its end.
        await_true(lambda: sleeps_below(shell.pid), "the program in the shell to start")
        shell.stdin.write(b"\x03")
        shell.stdin.flush()
        await_true(lambda: not sleeps_below(shell.pid), "the program in the shell to end")
        shell.stdin.write(b"echo goes on; exit 5\n")
        shell.stdin.flush()
        assert b"goes on" in shell.stdout.read()
        assert shell.wait(60) == 5


def test_paths_of_a_folder_that_was_moved_are_found_in_command_and_environment() -> None:
    start = HostStart("algo-1", "/old/c", [], ["cat", "--in=/old/c/opt/ml"], "/", {"HOME": "/old/c"})
    moved = start.moved(Path("/new"))
    assert (moved.root, moved.command, moved.environment) == (
        "/new",
        ["cat", "--in=/new/opt/ml"],
        {"HOME": "/new"},
    )
