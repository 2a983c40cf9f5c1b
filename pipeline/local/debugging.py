"""Starts something in the folder that a failed job left, as the job itself was started: for `debug`.

Through the same launcher, with the same environment, the state folder held and its local S3 running. `resume` never
uses the folder: it makes a new one.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from pipeline.errors import UsageError
from pipeline.execution import ExecutionRecord
from pipeline.local.engine.start import launcher_of
from pipeline.local.jobs.container import Container
from pipeline.local.jobs.image import InImage
from pipeline.local.jobs.kept_start import HostStart, KeptStart, read_start
from pipeline.local.jobs.launchers.containers.launcher import Containers
from pipeline.local.jobs.launchers.launcher import Launcher, ToStart
from pipeline.local.jobs.local_jobs import step_folder
from pipeline.local.jobs.pip import index_variables, pip_variables
from pipeline.local.opened import Opened
from pipeline.local.state.ending import is_under_way
from pipeline.local.state.plain_path import plain_path
from pipeline.local.state.state_dir import Home
from pipeline.shown import listed


@dataclass(frozen=True)
class Left:
    """What a job has left: its step's folder, what the job was started with, and the host that is meant."""

    folder: Path
    start: KeptStart
    host: HostStart

    @property
    def place(self) -> Path:
        """The folder that stands for the host's container, below that of the step."""
        return Path("container") if len(self.start.hosts) == 1 else Path("container", self.host.name)


def find_left(home: Home, record: ExecutionRecord, step: str, host: str | None) -> Left:
    """What the job of the step has left; `host` is one of several, None: the first.

    Raises:
        UsageError: there is nothing, or no such step or host.
        StateError: what is there is damaged.
    """
    doing = f"Debugging {step} of execution {record.execution_id}"
    names = [each.name for each in record.steps]
    if step not in names:
        raise UsageError(f"{doing}: there is no such step. Its steps are {listed(names)}.")
    if is_under_way(record):
        raise UsageError(
            f"{doing}: the execution is still {record.status}. Wait for its end, or stop it with: "
            f"python -m pipeline stop {record.execution_id}"
        )
    folder = step_folder(home, record.execution_id, step)
    start = read_start(folder)
    if start is None or not (folder / "container").is_dir():
        raise UsageError(f"{doing}: {_nothing_left(home, record, step, folder)}")
    hosts = {each.name: each for each in start.hosts}
    if host is not None and host not in hosts:
        raise UsageError(f"{doing}: there is no host {host!r}. Its hosts are {listed(hosts)}.")
    return Left(folder, start, hosts[host] if host is not None else start.hosts[0])


def _nothing_left(home: Home, record: ExecutionRecord, step: str, folder: Path) -> str:
    found = record.step(step)
    if (folder / "container").is_dir():
        return (
            f"its folder {folder / 'container'} is there, but not what was started in it, which is kept since "
            "this version. Run it again with: python -m pipeline resume"
        )
    if found.reused_from is not None:
        return f"no job of it ran there: its result is that of execution {found.reused_from}."
    if found.started_at is None:
        return f"no job of it ran there ({found.status})."
    if found.status == "Succeeded":
        return (
            "its job succeeded, and only failed ones leave their folders. Its outputs are in the local S3; it runs "
            f"again, on the same inputs, with: run --no-cache --only {step} --from {record.execution_id}"
        )
    if not home.step_log(record.execution_id, step).is_file():
        return (
            f"a step of type {found.type} runs nothing itself ({found.status}). What happened is told by: "
            f"python -m pipeline show {record.execution_id}"
        )
    return (
        f"its folder is gone ({found.status}): stopped jobs leave none, nor do steps without a program of their "
        "own. What happened is in its log: "
        f"python -m pipeline logs {record.execution_id} {step}"
    )


def start_again(
    opened: Opened,
    record: ExecutionRecord,
    left: Left,
    words: Sequence[str],
    say: Callable[[str], None],
    environ: Mapping[str, str],
) -> int:
    """Run the command `words`, or a shell when there are none, where the job ran; returns its exit status.

    Standard streams and the terminal are this process's. `environ` is the user's environment.

    Raises:
        UsageError: this machine does not allow the job's launcher any more.
        OSError: the program cannot be started.
    """
    launcher = launcher_of(record, left.start.launcher, opened.home, say)
    with plain_path(opened.home.root) as reached_at:
        seen = opened.home.root if launcher.seen_at is not None else reached_at
        root = seen / left.folder.relative_to(opened.home.root) / left.place
        host = left.host if launcher.seen_at is not None else left.host.moved(root)
        if host.root != left.host.root:
            say(f"Files that the job was given may name {left.host.root}, which is {root} now.")
        container = Container(root, tuple(host.mounts), launcher.seen_at, _made_of(launcher, host))
        in_container = container.of is not None
        pip = (
            index_variables(environ)
            if in_container
            else pip_variables(environ, seen / opened.home.downloads.name)
        )
        environment = {
            **pip,
            **host.environment,
            **opened.aws.job_environment(in_container=in_container),
        }
        if "TERM" in environ:
            environment.setdefault("TERM", environ["TERM"])
        command = list(words)
        if not command:
            bash = None if in_container else shutil.which("bash", path=environment.get("PATH"))
            command = [bash or "/bin/sh"]
        with launcher.around_execution(), launcher.around([container]):
            terminal = sys.stdin.isatty() and sys.stdout.isatty()
            program = launcher.program(ToStart(container, command, host.cwd, environment, terminal))
            return _run(program.command, program.cwd, program.environment)


def _made_of(launcher: Launcher, host: HostStart) -> InImage | None:
    """What the host's container was made of; None: it was a folder."""
    if host.image is None or not isinstance(launcher, Containers):
        return None
    return InImage(launcher.image_called(host.image), host.name, host.cores)


def _run(command: Sequence[str], cwd: Path, environment: Mapping[str, str]) -> int:
    """Run a program on this process's terminal, and return its exit status as a shell tells it."""
    with _for_the_program() as told:
        process = subprocess.Popen(command, cwd=cwd, env=dict(environment))
        told.append(process)
        status = process.wait()
    return 128 - status if status < 0 else status


@contextmanager
def _for_the_program() -> Iterator[list[subprocess.Popen[bytes]]]:
    """Ctrl-C, which the terminal sends to both, is for the program alone; what asks this process to end asks it."""
    running: list[subprocess.Popen[bytes]] = []

    def leave(_number: int, _frame: FrameType | None) -> None:
        """Not SIG_IGN, which the program would inherit."""

    def hand_on(number: int, _frame: FrameType | None) -> None:
        for process in running:
            process.send_signal(number)

    handlers = {signal.SIGINT: leave, signal.SIGTERM: hand_on, signal.SIGHUP: hand_on}
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield running
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
