"""Starts the processes of a run's jobs and ends them with it: however the command line ends, none is left behind.

A `Reaper` starts launchers/keeper.py, once per run, and hands it every job over a socket; what that forks watches
over the job from its first moment. The command line is told by a socket of the job's that it has ended, and the
keeper by the same that the command line has: the kernel closes it, whoever dies.
"""

from __future__ import annotations

import contextlib
import marshal
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

GRACE_SECONDS = 5.0
_KEEPER = Path(__file__).parent / "launchers" / "keeper.py"
_LENGTH_BYTES, _STATUS_BYTES = 4, 4


@dataclass(frozen=True)
class Entering:
    """Where a process goes before it becomes a job's program: see launchers/enter.py, which knows the `words`."""

    way: Literal["sandbox", "guard"]
    words: Sequence[str | Sequence[str]]

    @property
    def as_lists(self) -> list[str | list[str]]:
        """The words as what marshal can write."""
        return [word if isinstance(word, str) else [*word] for word in self.words]


class Kept:
    """A process that was started, with a keeper that ends all that is left of it."""

    def __init__(self, told: socket.socket) -> None:
        self._told = told
        self._returncode: int | None = None

    def wait(self, seconds: float | None) -> int | None:
        """Its exit status, or minus the number of the signal that ended it; None: after `seconds` it still runs."""
        if (
            self._returncode is not None
        ):  # The socket stays silent until what the process left has ended, too.
            return self._returncode
        said = b""
        # An error: its keeper was killed, and the kernel killed the job with it; or it has been ended.
        with contextlib.suppress(OSError):
            self._told.settimeout(seconds)
            try:
                said = self._told.recv(_STATUS_BYTES)
            except (TimeoutError, BlockingIOError):
                return None
        self._returncode = int.from_bytes(said, "big", signed=True) if said else -signal.SIGKILL
        return self._returncode

    def terminate(self) -> None:
        """Send SIGTERM to its process group."""
        self._say(b"T")

    def kill(self) -> None:
        """Send SIGKILL to its process group."""
        self._say(b"K")

    def end(self) -> None:
        """Kill what is left of it, and wait until nothing is. Again it does nothing."""
        if self._told.fileno() == -1:
            return
        self._told.settimeout(None)
        self.kill()
        with self._told, contextlib.suppress(ConnectionError):
            while self._told.recv(_STATUS_BYTES):
                pass

    def _say(self, what: bytes) -> None:
        # Without a keeper there is no job.
        with contextlib.suppress(ConnectionError):
            self._told.sendall(what)


class Reaper:
    """The command line's side: a context manager around the process. Usable from several threads.

    `holding`: a file descriptor whose lock the process is to hold too. If the command line dies, the lock is free
    only when the jobs have ended. `afterwards`: the command to start then, if any.
    """

    def __init__(
        self, grace: float = GRACE_SECONDS, holding: int | None = None, afterwards: Sequence[str] = ()
    ) -> None:
        self._lock = threading.Lock()
        self._control, theirs = socket.socketpair()
        # Names of files are to be the same bytes there as here.
        utf8 = ["-X", "utf8"] if sys.flags.utf8_mode else []
        # -I -S: nothing but the standard library, no site-packages, starts in some 10 ms. In a session of its own,
        # so that neither Ctrl-C nor a closed terminal reaches it.
        with theirs:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, *utf8, "-I", "-S", str(_KEEPER), str(grace)),
                    *(str(-1 if holding is None else holding), *afterwards),
                ],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                pass_fds=() if holding is None else (holding,),
            )

    @property
    def pid(self) -> int:
        """The process id of the reaper."""
        return self._process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(
        self,
        command: Sequence[str],
        *,
        cwd: Path,
        environment: Mapping[str, str],
        output: int,
        entering: Entering | None = None,
    ) -> Kept:
        """Start `command` in a session of its own, without input, and with the file descriptor `output` for what it
        writes. What cannot be done of that it says there, with the exit statuses of a shell.

        Raises:
            BrokenPipeError: the reaper is gone, so that nothing could be guarded.
            OSError: the system has no room for another process.
        """
        where = (entering.way, entering.as_lists) if entering is not None else ("", [])
        asked = marshal.dumps(([*command], str(cwd), dict(environment), *where))
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                self._hand_over(output, theirs.fileno())
            # If its keeper is dead by now, waiting tells.
            with contextlib.suppress(ConnectionError):
                ours.sendall(len(asked).to_bytes(_LENGTH_BYTES, "big") + asked)
        except BaseException:
            ours.close()
            raise
        return Kept(ours)

    def _hand_over(self, output: int, job: int) -> None:
        """Let a keeper be forked that has these two file descriptors."""
        # One by one: there may not be many that nobody has received yet.
        with self._lock:
            try:
                socket.send_fds(self._control, [b"+"], [output, job])
                answer = self._control.recv(1)
            except ConnectionError:
                answer = b""
        if not answer:
            raise BrokenPipeError("the process that starts jobs and ends them has been killed")
        if number := answer[0]:
            raise OSError(number, os.strerror(number))

    def close(self) -> None:
        """End the reaper, which ends what still runs."""
        with self._lock, self._control, contextlib.suppress(OSError):
            self._control.sendall(b".")
        self._process.wait()
