"""Ends the jobs of a run whose command line died, even by SIGKILL, so that no process is left behind.

A `Reaper` starts this file as a tiny process of its own, once per run, and tells it the process groups of the jobs
on its stdin (`+123`, `-123`, one a line). When the command line ends, however it ends, the kernel closes that pipe;
the process then terminates the groups still registered, kills what is left after a grace, and exits.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
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


def end_groups(groups: Iterable[int], grace: float) -> None:
    """SIGTERM every group, give them `grace` seconds to end, SIGKILL what is left."""
    left = {group for group in groups if signal_group(group, signal.SIGTERM)}
    deadline = time.monotonic() + grace
    while left and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
        left = {group for group in left if signal_group(group, 0)}
    for group in left:
        signal_group(group, signal.SIGKILL)


class Reaper:
    """The command line's side: a context manager around the process. Usable from several threads.

    `holding`: a file descriptor whose lock the process is to hold too. If the command line dies, the lock is free
    only when the jobs have ended.
    """

    def __init__(self, grace: float = GRACE_SECONDS, holding: int | None = None) -> None:
        self._lock = threading.Lock()
        # -I -S: nothing but the standard library, no site-packages, starts in some 20 ms. In a session of its own,
        # so that neither Ctrl-C nor a closed terminal reaches it.
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__, str(grace)],
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
        self._tell(f"+{group}\n")

    def unregister(self, group: int) -> None:
        """`group` has ended. Call it before its leader is reaped: then its number can be another's."""
        # A reaper that is gone guards nothing: nothing is lost.
        with contextlib.suppress(BrokenPipeError):
            self._tell(f"-{group}\n")

    def close(self) -> None:
        """End the reaper, which ends what is still registered."""
        with self._lock:
            assert self._process.stdin is not None
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()
        self._process.wait()

    def _tell(self, line: str) -> None:
        with self._lock:
            assert self._process.stdin is not None
            self._process.stdin.write(line.encode())
            self._process.stdin.flush()


def main() -> None:
    """Read groups from stdin until it ends, then end them (argv: the grace in seconds)."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        (groups.add if line[0] == "+" else groups.discard)(int(line[1:]))
    end_groups(groups, float(sys.argv[1]))


if __name__ == "__main__":
    main()
