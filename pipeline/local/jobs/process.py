"""Runs a job's process: its own process group and session, its output to its log, its time limit, its end.

The reaper starts it, and ends it and all that it left if the command line is killed. As in a container nothing of a
job outlives it: what leaves its group on purpose (a daemon: setsid) ends with it on Linux.
"""

from __future__ import annotations

import math
import os
import signal
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from pipeline.local.jobs.joblog import Log
from pipeline.local.jobs.reaper import Entering, Kept, Reaper

# SageMaker gives a job 120 s between SIGTERM and SIGKILL; a stopped run must end within 10 s.
LIMIT_GRACE_SECONDS = 30.0
STOP_GRACE_SECONDS = 5.0
_POLL_SECONDS = 0.1
_CHUNK_BYTES = 65536
Cause = Literal["exited", "time limit", "stopped"]


@dataclass(frozen=True)
class Ended:
    """How a process ended: `returncode` is its exit status, or minus the number of the signal that killed it.

    `cause` is "exited" when it ended by itself, else why it was made to end. `at`: when, by time.monotonic().
    """

    returncode: int
    cause: Cause
    time_limit: float | None = None
    at: float = field(default=0.0, compare=False)

    @property
    def succeeded(self) -> bool:
        """Whether the process ended by itself, with status 0."""
        return self.cause == "exited" and self.returncode == 0

    def describe(self) -> str:
        """The end in words: "exit status 1", "killed by signal 9 (out of memory?)", "ran longer than …"."""
        if self.cause == "time limit":
            return f"ran longer than MaxRuntimeInSeconds={self.time_limit:g}"
        if self.cause == "stopped":
            return "stopped"
        if self.returncode < 0:
            return f"killed by {_signal_text(-self.returncode)}"
        if self.returncode > 128 and self.returncode - 128 in signal.valid_signals():
            # What a shell returns for its child.
            child = _signal_text(self.returncode - 128)
            return f"exit status {self.returncode} (a process of it was killed by {child})"
        return f"exit status {self.returncode}"


class Signal(Protocol):
    """What tells a process to stop: an event, or several."""

    def is_set(self) -> bool:
        """Whether it does."""


def run_process(
    command: Sequence[str],
    *,
    cwd: Path,
    environment: Mapping[str, str],
    log: Log,
    stop: Signal,
    reaper: Reaper,
    entering: Entering | None = None,
    time_limit: float | None = None,
    limit_grace: float = LIMIT_GRACE_SECONDS,
    stop_grace: float = STOP_GRACE_SECONDS,
) -> Ended:
    """Run `command` to its end, or until `time_limit` (seconds) or `stop` ends it: SIGTERM, a grace, SIGKILL.

    All that it started ends with it. `environment` is the process's whole environment; `entering`: where it goes
    before it becomes the command.

    Raises:
        OSError: the process cannot be started.
    """
    pipe, output = os.pipe()
    try:
        kept = reaper.start(command, cwd=cwd, environment=environment, output=output, entering=entering)
    except BaseException:
        os.close(pipe)
        raise
    finally:
        os.close(output)
    reader = _Reader(pipe, log)
    reader.start()
    try:
        returncode, cause = _watch(kept, log, stop, time_limit, limit_grace, stop_grace)
        at = time.monotonic()
    finally:
        # Whatever the job left running ends with it, as in a container; and so does the job if we were interrupted.
        kept.end()
        reader.join(timeout=2.0)
    if reader.error is not None:
        raise reader.error
    return Ended(returncode, cause, time_limit, at)


def _watch(
    kept: Kept,
    log: Log,
    stop: Signal,
    time_limit: float | None,
    limit_grace: float,
    stop_grace: float,
) -> tuple[int, Cause]:
    """Wait for the end of what is `kept`, terminating it when `time_limit` or `stop` says so."""
    cause: Cause = "exited"
    stopping = False
    limit_at = math.inf if time_limit is None else time.monotonic() + time_limit
    kill_at = math.inf
    while (returncode := kept.wait(_POLL_SECONDS)) is None:
        now = time.monotonic()
        if stop.is_set() and not stopping:
            stopping = True
            cause = "stopped" if cause == "exited" else cause
            kill_at = min(kill_at, now + stop_grace)
            kept.terminate()
        elif now >= limit_at and cause == "exited":
            cause = "time limit"
            kill_at = now + limit_grace
            log.say(f"the job ran longer than its limit of {time_limit:g} s: terminating it")
            kept.terminate()
        if now >= kill_at:
            kept.kill()
    return returncode, cause


class _Reader(threading.Thread):
    """Reads a job's output to its end. An error of the log's reader is kept for the caller, and reading goes on:
    a job whose output nobody reads hangs."""

    def __init__(self, pipe: int, log: Log) -> None:
        super().__init__(daemon=True)
        self._pipe = pipe
        self._log = log
        self.error: Exception | None = None

    def run(self) -> None:
        try:
            while data := os.read(self._pipe, _CHUNK_BYTES):
                try:
                    self._log.feed(data)
                except Exception as error:
                    self.error = self.error or error
        finally:
            os.close(self._pipe)


def _signal_text(number: int) -> str:
    if number == signal.SIGKILL:
        return f"signal {int(number)} (out of memory?)"
    try:
        return f"signal {number} ({signal.Signals(number).name})"
    except ValueError:
        return f"signal {number}"
