"""subprocess.Popen for programs of the tests whose imports take seconds: they are forked (templates.py).

`subprocess.Popen` is replaced in the tests' processes and in the commands that they fork, and there alone: what is
started by these is unaware of it. What a template cannot give a program is given by starting it.
"""

from __future__ import annotations

import contextlib
import inspect
import json
import os
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from execnet.gateway_io import popen_bootstrapline

from tests.templates import (
    FREE_DESCRIPTORS,
    KEEPER,
    LISTENING,
    MOST_DESCRIPTORS,
    NUMBER_BYTES,
    ROOT,
    SCRIPTS,
    same_start,
)

MODULES = {
    "pipeline.local.state.moto_process": "local S3",
    "pipeline.tracking.publisher_process": "tracking",
    "pipeline.tracking.server_process": "tracking",
}
# How execnet starts the workers of pytest-xdist.
WORKER = ["-u", "-c", popen_bootstrapline]
LIMITS = (resource.RLIMIT_FSIZE, resource.RLIMIT_NOFILE, resource.RLIMIT_AS, resource.RLIMIT_CORE)
# Tests have others in its place.
PYTHON = sys.executable
STARTED_WITH = (dict(os.environ), [resource.getrlimit(each) for each in LIMITS])
USUAL = {
    "preexec_fn": None,
    "close_fds": True,
    "startupinfo": None,
    "shell": False,
    "restore_signals": True,
    "gid": None,
    "gids": None,
    "uid": None,
    "umask": -1,
    "process_group": -1,
}

_started = subprocess.Popen
_PARAMETERS = inspect.signature(_started._execute_child)  # type: ignore[attr-defined]
_jobs_are_forked = _workers_are_forked = False


def fork_programs() -> None:
    """Let this process, and what is forked from it, fork such programs where there are templates."""
    if os.environ.get(LISTENING):
        ForkedPopen.templates = os.environ[LISTENING]
        subprocess.Popen = ForkedPopen  # type: ignore[misc]


def fork_workers() -> None:
    """Fork the workers of pytest, too.

    The first of them waits for TensorFlow and all else that tests import: for few tests they are better started.
    """
    global _workers_are_forked
    _workers_are_forked = True


def start_templates(*early: str) -> Callable[[], None]:
    """Let there be templates for this process and those that it starts; returns what ends them.

    Those named begin to import what they do, the others when they are asked for a program. There are none where
    too few files may be open at once.
    """
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if most != resource.RLIM_INFINITY and most <= FREE_DESCRIPTORS + MOST_DESCRIPTORS:
        return lambda: None
    folder = tempfile.mkdtemp(prefix="tests-")
    path = f"{folder}/templates"
    process = _started(
        [sys.executable, "tests/templates.py", path], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    if process.stdout.readline():
        os.environ[LISTENING] = path
        for template in early:
            with _asked(path, {"template": template}, []):
                pass

    def end() -> None:
        # A template that still imports ends after that; it has these streams, too.
        for stream in (process.stdin, process.stdout):
            assert stream is not None
            stream.close()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)  # It removes it itself.

    return end


def _asked(path: str, request: Mapping[str, Any], descriptors: Sequence[int]) -> socket.socket:
    """Where the templates that listen at `path` tell of what becomes of a request."""
    asker = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        asker.connect(path)
        socket.send_fds(asker, [json.dumps(request).encode()], descriptors)
    except BaseException:
        asker.close()
        raise
    return asker


@contextlib.contextmanager
def started_programs() -> Iterator[None]:
    """Within it this process starts programs, and forks none: what they take is measured."""
    before = subprocess.Popen
    subprocess.Popen = _started  # type: ignore[misc]
    try:
        yield
    finally:
        subprocess.Popen = before  # type: ignore[misc]


def fork_jobs(forked: bool = True) -> None:
    """Fork keepers, too, and so the jobs that take TensorFlow.

    Every other job then costs two forks of a large process (35 ms) instead of small ones (3 ms).
    """
    global _jobs_are_forked
    _jobs_are_forked = forked


def template_for(command: Sequence[str], environment: Mapping[str, str], cwd: Path) -> str | None:
    """The template that forks what `command` starts in the folder `cwd`; None: it is started."""
    python, *words = command
    if python != PYTHON or not words or not same_start(environment, STARTED_WITH[0]):
        return None
    if [resource.getrlimit(each) for each in LIMITS] != STARTED_WITH[1]:
        return None
    if words == WORKER:
        return "workers" if _workers_are_forked else None
    if words[0] == "-m":
        return MODULES.get(words[1]) if cwd == ROOT else None
    if words[:3] == ["-I", "-S", KEEPER]:
        return "jobs" if _jobs_are_forked else None
    return "jobs" if Path(words[0]).name in SCRIPTS else None


class TemplateEndedError(Exception):
    """There is no answer any more from what was to fork a program, or to tell how it ended."""


class ForkedPopen(_started):  # type: ignore[type-arg]
    """What subprocess.Popen does, and that for programs that are forked by a template."""

    templates = ""
    _told: socket.socket | None = None

    def __init__(self, *arguments: Any, template: str | None = None, **more: Any) -> None:
        """As subprocess.Popen, but forked by this `template`; None: by the one that there is for it, or started."""
        self._template = template
        super().__init__(*arguments, **more)

    def _execute_child(self, *arguments: Any) -> None:
        asked = _PARAMETERS.bind(self, *arguments).arguments
        command = [os.fsdecode(word) for word in asked["args"]] if not isinstance(asked["args"], str) else []
        environment = {
            os.fsdecode(name): os.fsdecode(value) for name, value in (asked["env"] or os.environ).items()
        }
        usual = all(asked[name] == value for name, value in USUAL.items())
        cwd = Path(os.fsdecode(asked["cwd"] or Path.cwd()))
        template = self._template
        if template is None and command and usual:
            template = template_for(command, environment, cwd)
        if template is None:
            super()._execute_child(*arguments)  # type: ignore[misc]
            return
        streams = [
            number if given == -1 else given
            for number, given in enumerate((asked["p2cread"], asked["c2pwrite"], asked["errwrite"]))
        ]
        passed = sorted(asked["pass_fds"])
        request = {
            "template": template,
            "words": command,
            "environment": environment,
            "cwd": str(cwd),
            "descriptors": [0, 1, 2, *passed],
            "by": os.getpid(),
            "session": bool(asked["start_new_session"]),
        }
        self._lock = threading.Lock()
        try:
            self._told = _asked(self.templates, request, [*streams, *passed])
            self.pid = self._read(None) or 0
        except TemplateEndedError:
            # It has said why. Whoever needs what it could not import will say so, too.
            assert self._told is not None
            self._told.close()
            self._told = None
            super()._execute_child(*arguments)  # type: ignore[misc]
            return
        except BaseException:
            # So the template knows that nobody waits for the program.
            if self._told is not None:
                self._told.close()
            self._close_pipes(asked)
            raise
        self._child_created = True
        self._close_pipes(asked)

    def _close_pipes(self, asked: Mapping[str, Any]) -> None:
        names = ("p2cread", "p2cwrite", "c2pread", "c2pwrite", "errread", "errwrite")
        self._close_pipe_fds(*(asked[name] for name in names))  # type: ignore[attr-defined]

    def _read(self, seconds: float | None) -> int | None:
        """The next number that is told; None when none is within so many seconds."""
        assert self._told is not None
        self._told.settimeout(seconds)
        try:
            said = self._told.recv(NUMBER_BYTES)
        except (TimeoutError, BlockingIOError):
            return None
        if not said:
            raise TemplateEndedError("the template has ended: see what it wrote to standard error")
        return int.from_bytes(said, "big", signed=True)

    def _ended(self, seconds: float | None) -> int | None:
        with self._lock:
            if self.returncode is None and self._told is not None:
                status = self._read(seconds)
                if status is not None:
                    self.returncode = status
                    self._told.close()
        return self.returncode

    def _internal_poll(self, _deadstate: int | None = None) -> int | None:
        if self._told is None:
            found: int | None = super()._internal_poll(_deadstate)  # type: ignore[misc]
            return found
        return self._ended(0)

    def _wait(self, timeout: float | None) -> int:
        if self._told is None:
            found: int = super()._wait(timeout=timeout)  # type: ignore[misc]
            return found
        if (status := self._ended(timeout)) is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return status
