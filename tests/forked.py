"""Commands that need not import anything: each is a fork of a process that already has (commands_template.py).

A command is a process of its own all the same, with the streams, environment, signals and exit status that it would
have. What is only true of a fresh interpreter (its start, what it imports, its hash seed, what /proc says of it) is
tested where the interpreter is started.
"""

from __future__ import annotations

import atexit
import os
import resource
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from json import dumps
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).resolve().parents[1]
# What Python and its packages look at when they start or are imported, so that a fork cannot be told otherwise.
EARLY = ("PYTHON", "LANG", "LC_", "TZ", "LD_", "HOME", "XDG_", "OMP_", "OPENBLAS_", "MALLOC_", "MPL")
WITH_SDK = {"run", "definition", "study", "monitor"}
LIMITS = (resource.RLIMIT_FSIZE, resource.RLIMIT_NOFILE, resource.RLIMIT_AS, resource.RLIMIT_CORE)


def circumstances(environment: Mapping[str, str]) -> list[Any]:
    """What a process has from the one that starts it, and a fork of the template so has from that."""
    kept = {name: value for name, value in environment.items() if name.startswith(EARLY)}
    return [kept, *(resource.getrlimit(each) for each in LIMITS), signal.getsignal(signal.SIGHUP)]


# While tests are collected: no test has changed anything yet. What leads to AWS is each command's own.
USUAL = circumstances(os.environ)
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}


class Template:
    """The process to fork commands from, while this process lasts."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "tests/commands_template.py", str(theirs.fileno())],
                cwd=ROOT,
                env=ENVIRONMENT,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )
        atexit.register(self.end)

    def end(self) -> None:
        """It ends when nobody can ask it any more."""
        self._control.close()
        self._process.wait()

    def fork(
        self, words: Sequence[str], environment: Mapping[str, str], out: IO[bytes], err: IO[bytes]
    ) -> Forked:
        """`python -m pipeline WORDS…`, with nothing on its standard input."""
        sdk = bool(words) and words[0] in WITH_SDK and "--definition" not in words
        request = {"words": words, "environment": dict(environment), "sdk": sdk}
        ours, theirs = socket.socketpair()
        with theirs, Path(os.devnull).open("rb") as nothing, self._lock:
            streams = [nothing.fileno(), out.fileno(), err.fileno()]
            socket.send_fds(self._control, [dumps(request).encode()], [theirs.fileno(), *streams])
        return Forked(ours)


class Forked:
    """A command that was forked: what tests use of subprocess.Popen."""

    def __init__(self, told: socket.socket) -> None:
        self._told = told
        self.returncode: int | None = None
        self.pid = self._read(None) or 0

    def _read(self, seconds: float | None) -> int | None:
        """The next number that is told; None when none is within so many seconds."""
        ready = select.poll()
        ready.register(self._told, select.POLLIN)
        if not ready.poll(None if seconds is None else seconds * 1000):
            return None
        said = self._told.recv(8, socket.MSG_WAITALL)
        assert len(said) == 8, "the template of commands has ended: see what it wrote to standard error"
        return int.from_bytes(said, "big", signed=True)

    def poll(self) -> int | None:
        """Its exit status, if it has ended; minus the signal that killed it."""
        return self._status(0)

    def wait(self, timeout: float | None = None) -> int:
        """Its exit status, once it has ended.

        Raises:
            subprocess.TimeoutExpired: it has not within so many seconds.
        """
        if (status := self._status(timeout)) is None:
            raise subprocess.TimeoutExpired("python -m pipeline", timeout or 0)
        return status

    def _status(self, seconds: float | None) -> int | None:
        if self.returncode is None and (status := self._read(seconds)) is not None:
            self.returncode = status
            self._told.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send it a signal, if it has not ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Send it SIGKILL, if it has not ended."""
        self.send_signal(signal.SIGKILL)


_templates: list[Template] = []
_starting = threading.Lock()


def the_template() -> Template:
    """That of this process, started for the first who asks."""
    with _starting:
        if not _templates:
            _templates.append(Template())
    return _templates[0]


def start_command(
    words: Sequence[str],
    environment: Mapping[str, str],
    out: IO[bytes],
    err: IO[bytes],
    under: Sequence[str] = (),
) -> Forked | subprocess.Popen[bytes]:
    """`python -m pipeline WORDS…`: forked, unless a program (`under`) is to start it, or it is to have other limits
    or variables than the template has."""
    if not under and circumstances(environment) == USUAL == circumstances(os.environ):
        return the_template().fork(words, environment, out, err)
    command = [*under, sys.executable, "-m", "pipeline", *words]
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=err
    )
