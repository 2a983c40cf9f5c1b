"""Ends the jobs of a run whose command line died, even by SIGKILL, so that no process is left behind.

A `Reaper` starts this file as a tiny process of its own, once per run, and tells it the process groups of the jobs
on its stdin, one a line: `+123 456789`, with when the leader was started, and `-123`. When the command line ends,
however it ends, the kernel closes that pipe; the process then terminates the groups still registered, kills what is
left after a grace, and exits. If the command line did not say before that it was done (`.`), it starts a command
that removes what is no process (containers).
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

GRACE_SECONDS = 5.0
_POLL_SECONDS = 0.02


def signal_group(group: int, number: int) -> bool:
    """Send signal `number` (0: only look) to process group `group`; False when it has no process left."""
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return False
    except PermissionError:
        # macOS says so of a group whose only member is a zombie.
        return False
    return True


def start_of_leader(group: int) -> int:
    """When process number `group` was started, in ticks since the boot; 0 where there is none, or no /proc.

    As identity.py has it; this file runs without the others.
    """
    try:
        with open(f"/proc/{group}/stat", "rb") as file:  # noqa: PTH123 (pathlib takes longer to import than all else)
            return int(file.read().rpartition(b")")[2].split()[19])
    except OSError:
        return 0


def end_groups(groups: Mapping[int, int], grace: float) -> None:
    """SIGTERM every group, give them `grace` seconds to end, SIGKILL what is left.

    `groups` maps each to when its leader was started, 0 if unknown. A group whose number has another leader by now
    is somebody else's. Without a leader it is still ours: a number is not given away while a group has it.
    """

    def ours(group: int) -> bool:
        return start_of_leader(group) in (0, groups[group]) or groups[group] == 0

    left = {group for group in groups if ours(group) and signal_group(group, signal.SIGTERM)}
    deadline = time.monotonic() + grace
    while left and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
        left = {group for group in left if ours(group) and signal_group(group, 0)}
    for group in left:
        if ours(group):
            signal_group(group, signal.SIGKILL)


class Reaper:
    """The command line's side: a context manager around the process. Usable from several threads.

    `holding`: a file descriptor whose lock the process is to hold too. If the command line dies, the lock is free
    only when the jobs have ended. `afterwards`: the command to start then, if any.
    """

    def __init__(
        self, grace: float = GRACE_SECONDS, holding: int | None = None, afterwards: Sequence[str] = ()
    ) -> None:
        self._lock = threading.Lock()
        # -I -S: nothing but the standard library, no site-packages, starts in some 20 ms. In a session of its own,
        # so that neither Ctrl-C nor a closed terminal reaches it.
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__, str(grace), *afterwards],
            stdin=subprocess.PIPE,
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

    def register(self, group: int) -> None:
        """Guard process group `group` from now on. What is in the pipe is read even if we die right after.

        Raises:
            BrokenPipeError: the reaper is gone, so that nothing could be guarded.
        """
        self._tell(f"+{group} {start_of_leader(group)}\n")

    def unregister(self, group: int) -> None:
        """`group` has ended. Call it before its leader is reaped: then its number can be another's."""
        # A reaper that is gone guards nothing: nothing is lost.
        with contextlib.suppress(BrokenPipeError):
            self._tell(f"-{group}\n")

    def close(self) -> None:
        """End the reaper, which ends what is still registered."""
        with self._lock:
            assert self._process.stdin is not None
            if not self._process.stdin.closed:
                with contextlib.suppress(BrokenPipeError):
                    self._process.stdin.write(b".\n")
                    self._process.stdin.flush()
                with contextlib.suppress(BrokenPipeError):
                    self._process.stdin.close()
        self._process.wait()

    def _tell(self, line: str) -> None:
        with self._lock:
            assert self._process.stdin is not None
            self._process.stdin.write(line.encode())
            self._process.stdin.flush()


def main() -> None:
    """Read groups from stdin until it ends, then end them (argv: the grace in seconds, a command)."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: dict[int, int] = {}
    grace, *afterwards = sys.argv[1:]
    done = False
    for line in sys.stdin:
        if line[0] == ".":
            done = True
            continue
        group, _, started = line[1:].partition(" ")
        if line[0] == "+":
            groups[int(group)] = int(started)
        else:
            groups.pop(int(group), None)
    end_groups(groups, float(grace))
    if afterwards and not done:
        with contextlib.suppress(OSError):
            os.execv(afterwards[0], afterwards)


if __name__ == "__main__":
    main()
