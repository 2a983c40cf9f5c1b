"""One command at a time per state folder, by a lock that the kernel releases when its holder dies."""

from __future__ import annotations

import fcntl
import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pipeline.errors import StateError
from pipeline.local.home import Home

_POLL_SECONDS = 0.1
# A holder writes down its execution some time after it has the lock: wait so long before naming it without one.
_POLLS_FOR_THE_EXECUTION = 10


class Held:
    """The lock of a state folder, held. Made by `exclusive`."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._write({"pid": os.getpid()})

    def by_execution(self, execution_id: str) -> None:
        """Write down which execution holds the lock, for those who wait."""
        self._write({"pid": os.getpid(), "execution": execution_id})

    def _write(self, holder: dict[str, object]) -> None:
        text = json.dumps(holder).encode()
        os.pwrite(self._descriptor, text, 0)
        os.ftruncate(self._descriptor, len(text))


@contextmanager
def exclusive(
    home: Home, waiting: Callable[[str], None], *, stop: threading.Event | None = None
) -> Iterator[Held]:
    """Hold the state folder alone; while another process has it, say so once per holder and wait.

    `waiting` is given one sentence that names the holder's process id and, if it runs one, its execution.

    Raises:
        StateError: `stop` was set while waiting, or the folder's file system has no locks.
    """
    doing = f"Locking the state folder {home.root}"
    try:
        # The file is never removed: whoever waits on a removed file would hold a lock that nobody else sees.
        descriptor = os.open(home.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise StateError(
            f"{doing}: expected to open {home.lock}. Received: {error.strerror}. Check who owns it, and the disk."
        ) from error
    try:
        _wait(descriptor, home, waiting, stop or threading.Event())
        try:
            held = Held(descriptor)
        except OSError as error:
            raise StateError(
                f"{doing}: could not write {home.lock}: {error.strerror}. Free disk space."
            ) from error
        try:
            yield held
        finally:
            os.ftruncate(descriptor, 0)
            # Closing is not enough where a child that was forked just now still has a copy of the descriptor.
            fcntl.flock(descriptor, fcntl.LOCK_UN)
    finally:
        os.close(descriptor)


def _wait(descriptor: int, home: Home, waiting: Callable[[str], None], stop: threading.Event) -> None:
    told: object = None
    polls = 0
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            pass
        except OSError as error:
            raise StateError(
                f"Locking the state folder {home.root}: expected a file system with locks. "
                f"Received: {error.strerror}. Set FASHION_HOME to a folder on a local disk."
            ) from error
        polls += 1
        holder = _read(descriptor)
        pid, execution = holder.get("pid"), holder.get("execution")
        if (execution or polls >= _POLLS_FOR_THE_EXECUTION) and told != (pid or "unknown"):
            told = pid or "unknown"
            busy = f"execution {execution}" if execution else "another command"
            waiting(
                f"Waiting for the state folder {home.root}: {busy} (process {told}) is using it. "
                "It goes on by itself when that ends; Ctrl-C gives up."
            )
        if stop.wait(_POLL_SECONDS):
            raise StateError(f"Gave up waiting for the state folder {home.root}, used by process {pid}.")


def _read(descriptor: int) -> dict[str, object]:
    """What the holder wrote; empty when it has not yet, or is just writing."""
    try:
        holder = json.loads(os.pread(descriptor, 4096, 0))
    except ValueError:
        return {}
    return holder if isinstance(holder, dict) else {}
