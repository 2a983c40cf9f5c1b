"""A forked command is told from one that the interpreter was started for by nothing that a test looks at."""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.local.state.state_dir import Home
from tests.e2e.command import ROOT, Command, Finished, run, surroundings
from tests.forked import start_command
from tests.pipeline.local.kept_state import make_state


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("forked") / "home"
    make_state(Home.open(folder), executions=3, packages=1)
    return folder


def is_forked(process: subprocess.Popen[bytes]) -> bool:
    """Whether a template forked it."""
    return getattr(process, "_told", None) is not None


def started(home: Path, *words: str) -> Finished:
    """The command as the interpreter runs it."""
    command = [sys.executable, "-m", "pipeline", *words]
    ended = subprocess.run(
        command,
        cwd=ROOT,
        env=surroundings(home, {}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    return Finished(ended.returncode, ended.stdout.decode(), ended.stderr.decode())


@pytest.mark.parametrize(
    "words",
    [("executions",), ("executions", "--json"), ("show",), ("logs", "x"), ("show", "nosuch"), ("--help",)],
)
def test_it_says_and_returns_the_same(home: Path, words: tuple[str, ...]) -> None:
    assert run(home, *words) == started(home, *words)


def test_it_is_another_process_with_its_own_environment(home: Path, tmp_path: Path) -> None:
    with Command(home, "executions") as one, Command(tmp_path / "other", "executions") as other:
        assert is_forked(one._process)
        assert one._process.pid != other._process.pid
        assert "exec" in one.finish().out
        assert "No executions yet" in other.finish().out


@pytest.mark.parametrize(
    ("number", "status"),
    [(signal.SIGINT, 0), (signal.SIGTERM, 0), (signal.SIGHUP, 0), (signal.SIGKILL, -9)],
)
def test_signals_reach_it(tmp_path: Path, number: int, status: int) -> None:
    with Command(tmp_path, "local-sagemaker", "--port", "0") as command:
        command.wait_for("http://")
        command.signal(number)
        assert command.finish().status == status


def test_waiting_for_it_ends(home: Path, tmp_path: Path) -> None:
    with Command(tmp_path, "local-sagemaker", "--port", "0") as command:
        assert command._process.poll() is None
        with pytest.raises(subprocess.TimeoutExpired):
            command._process.wait(0.01)
        command._process.kill()
        assert command._process.wait(60) == command._process.poll() == command._process.returncode == -9
        command._process.kill()


def nothing_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FASHION_DATA", "AWS_ENDPOINT_URL", "BOTO_CONFIG", "NO_PROXY", "PATH", "ANY"):
        monkeypatch.setenv(name, "elsewhere")


def other_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "C")


def other_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda which: (1, 2))


@pytest.mark.parametrize(
    ("change", "forked"), [(nothing_changed, True), (other_variable, False), (other_limit, False)]
)
def test_what_a_fork_would_not_have_starts_the_interpreter(
    change: Callable[[pytest.MonkeyPatch], None],
    forked: bool,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    change(monkeypatch)
    with (tmp_path / "out").open("wb") as out:
        process = start_command(["executions"], surroundings(home, {}), out, out)
    assert is_forked(process) is forked
    assert process.wait(60) == 0


def test_a_program_that_is_to_start_it_does(home: Path, tmp_path: Path) -> None:
    finished = run(home, "executions", under=["env", f"FASHION_HOME={tmp_path / 'other'}"])
    assert "No executions yet" in finished.out, finished.said
