"""The command line as its users have it: a process with output, exit status and a state folder."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import psutil

from tests.commands_template import FORKED_JOBS
from tests.forked import start_command
from tests.templates import STARTED_BY

ROOT = Path(__file__).resolve().parents[2]
SCREEN = 50  # lines; what a user sees without scrolling
PATIENCE = 300.0  # seconds; a run takes a tenth of it on an idle machine
# A definition whose jobs take TensorFlow: they are forked with it.
FORKED = {FORKED_JOBS: "yes"}
# One epoch of the smallest model; the local engine's own values are minutes.
QUICK = ("--param", "Epochs=1", "--param", "BatchSize=64", "--param", "MinAccuracy=0.5")


@dataclass(frozen=True)
class Finished:
    """How a command ended, and what it wrote."""

    status: int
    out: str
    err: str

    @property
    def said(self) -> str:
        """Everything, for a message."""
        return f"exit status {self.status}\n{self.out}\n{self.err}"

    def json(self) -> Any:
        """The standard output of a command that was told --json."""
        assert self.status == 0, self.said
        return json.loads(self.out)


def surroundings(home: Path, more: Mapping[str, str]) -> dict[str, str]:
    """This process's environment without settings of AWS or ours, for a state folder at `home`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "FASHION_"))}
    return {**kept, "FASHION_HOME": str(home), **more}


def run(home: Path, *words: str | Path, under: Sequence[str] = (), **more: str) -> Finished:
    """Run a command to its end. `under`: a program (with its arguments) that starts it; `more`: its environment."""
    with Command(home, *words, under=under, **more) as command:
        return command.finish()


class Command:
    """A command while it runs. It is killed when the block ends, should it still run."""

    def __init__(self, home: Path, *words: str | Path, under: Sequence[str] = (), **more: str) -> None:
        # Files and not pipes: nobody has to read while it runs.
        self._out, self._err = (tempfile.NamedTemporaryFile() for _ in range(2))  # noqa: SIM115
        self._process = start_command(
            [*map(str, words)], surroundings(home, more), self._out, self._err, under
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._process.kill()
        self._process.wait()
        self._out.close()
        self._err.close()

    def wait_for(self, text: str) -> None:
        """Wait until the command has said `text` on standard error."""
        await_true(lambda: text in self.err or self._process.poll() is not None, f"{text!r} to be said")
        assert text in self.err, self.err

    @property
    def err(self) -> str:
        """What the command has written to standard error so far."""
        return Path(self._err.name).read_text()

    def signal(self, number: int) -> None:
        """Send a signal to the command alone, not to what it started."""
        self._process.send_signal(number)

    def jobs(self, program: str) -> list[psutil.Process]:
        """The processes of the jobs that it runs now whose script has this name."""
        return [process for process in descendants(self._process.pid) if program in words_of(process)]

    def finish(self, seconds: float = PATIENCE) -> Finished:
        """Wait for its end."""
        status = self._process.wait(seconds)
        return Finished(status, Path(self._out.name).read_text(), self.err)


def await_true(holds: Callable[[], bool], what: str, seconds: float = PATIENCE) -> None:
    """Wait until `holds`."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"waited {seconds} s in vain for {what}"
        time.sleep(0.05)


def check_refusal(finished: Finished, status: int, *texts: str) -> None:
    """A user's mistake is told on one screen, with these texts in it, and without a traceback."""
    assert finished.status == status, finished.said
    shown = finished.out + finished.err
    assert "Traceback" not in shown, finished.said
    assert len(shown.splitlines()) <= SCREEN, finished.said
    for text in texts:
        assert text in shown, finished.said


def words_of(process: psutil.Process) -> list[str]:
    """Its command line; none when it has ended."""
    try:
        words: list[str] = process.cmdline()
    except psutil.Error:
        return []
    return words


def descendants(pid: int) -> list[psutil.Process]:
    """What the process has started, and they: children, and what a template forked for them."""
    started = defaultdict(list)
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            started[process.ppid()].append(process)
            started[int(process.environ().get(STARTED_BY, -1))].append(process)
    found: dict[int, psutil.Process] = {}
    left = [pid]
    while left:
        for process in started[left.pop()]:
            if process.pid not in found:
                found[process.pid] = process
                left.append(process.pid)
    return list(found.values())


def processes_of(home: Path) -> list[str]:
    """The processes that were started for the state folder: commands, jobs, servers, reapers."""
    found = []
    for process in psutil.process_iter():
        try:
            texts = [*process.environ().values(), *process.cmdline()]
            if process.pid != os.getpid() and any(str(home) in text for text in texts):
                found.append(f"{process.pid}: {' '.join(process.cmdline())}")
        except psutil.Error:
            continue
    return found


def registered(home: Path) -> list[dict[str, Any]]:
    """The packages in the registry, newest first."""
    packages: list[dict[str, Any]] = run(home, "registry", "list", "--json").json()
    return packages


def executions(home: Path) -> list[dict[str, Any]]:
    """The executions, newest first, as `executions --json` lists them."""
    records: list[dict[str, Any]] = run(home, "executions", "--json").json()
    return records
