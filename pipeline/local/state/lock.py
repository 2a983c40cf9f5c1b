"""One command at a time per state folder, by a lock that the kernel releases when its holder dies."""

from __future__ import annotations

import fcntl
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from pipeline.errors import StateError
from pipeline.local.state.disk_advice import disk_advice
from pipeline.local.state.identity import ProcessIdentity
from pipeline.local.state.state_dir import Home

_POLL_SECONDS = 0.1
# A holder writes down its execution some time after it has the lock: wait so long before naming it without one.
_POLLS_FOR_THE_EXECUTION = 10
_POLLS_OF_A_HOLDER = 5


class Held:
    """The lock of a state folder, held. Made by `exclusive`."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._serves: str | None = None
        self._write({})

    @property
    def descriptor(self) -> int:
        """The file descriptor whose copies hold the lock too, in whatever process they are."""
        return self._descriptor

    def by_execution(self, execution_id: str) -> None:
        """Write down which execution holds the lock, for those who wait, and for `stop`; a server runs many."""
        if self._serves is None:
            self._write({"execution": execution_id})

    def by_server(self, url: str) -> None:
        """Write down that a local SageMaker at `url` holds the lock, which runs any number of executions."""
        self._serves = url
        self._write({"serves": url})

    def _write(self, holder: dict[str, object]) -> None:
        text = json.dumps({"process": str(ProcessIdentity.mine())} | holder).encode()
        os.pwrite(self._descriptor, text, 0)
        os.ftruncate(self._descriptor, len(text))


@dataclass(frozen=True)
class Holder:
    """Who holds the lock: its process, and the execution that it runs; None for what it has not written yet.

    `serves` is where it is, if it is a local SageMaker: that runs whatever is under way.
    """

    process: ProcessIdentity | None = None
    execution: str | None = None
    serves: str | None = None

    @property
    def died(self) -> bool:
        """Whether the process has certainly ended; whoever still holds the lock is ending its jobs."""
        return self.process is not None and self.process.life() == "gone"


def find_holder(home: Home) -> Holder | None:
    """Who holds the state folder now; None when nobody does. Takes nothing away from those who wait for it.

    While the jobs of a command that was killed are being ended, it is held by nobody in particular. A process of
    another container or machine holds it as long as the lock is held: whether that one lives cannot be told.
    """
    try:
        descriptor = os.open(home.lock, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        holder = Holder()
        for _ in range(_POLLS_OF_A_HOLDER):
            try:
                fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                holder = _read(descriptor)
            else:
                return None
            if holder.process is not None:
                return Holder() if holder.died else holder
            time.sleep(_POLL_SECONDS)  # It is just writing, or of an older version, which wrote no identity.
        return holder
    finally:
        os.close(descriptor)


@contextmanager
def exclusive(
    home: Home, waiting: Callable[[str], None], *, stop: threading.Event | None = None
) -> Iterator[Held]:
    """Hold the state folder alone; while another process has it, say so once per holder and wait.

    `waiting` is given one sentence that names the holder's process id and, if it runs one, its execution.

    Raises:
        StateError: `stop` was set while waiting, or the folder's file system has no locks.
    """
    try:
        # The file is never removed: whoever waits on a removed file would hold a lock that nobody else sees.
        descriptor = os.open(home.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise StateError(
            f"Could not lock the state folder {home.root}: could not open {home.lock}: {error.strerror}. "
            f"{disk_advice(error, home.root)}, then run the same command again."
        ) from error
    try:
        _wait(descriptor, home, waiting, stop or threading.Event())
        try:
            held = Held(descriptor)
        except OSError as error:
            raise StateError(
                f"Could not lock the state folder {home.root}: could not write {home.lock}: "
                f"{error.strerror}. {disk_advice(error, home.root)}, then run the same command again."
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
                f"Could not lock the state folder {home.root}: its file system has no locks "
                f"({error.strerror}). Set FASHION_HOME to a folder on a local disk."
            ) from error
        polls += 1
        holder = _read(descriptor)
        who = "unknown" if holder.process is None else str(holder.process.pid)
        if (holder.execution or holder.serves or polls >= _POLLS_FOR_THE_EXECUTION) and told != (
            holder.process or "unknown"
        ):
            told = holder.process or "unknown"
            busy = f"execution {holder.execution}" if holder.execution else "another command"
            if holder.serves:
                busy = f"the local SageMaker at {holder.serves}"
            uses = f"{busy} (process {who}) is using it"
            if holder.died:
                uses = f"{busy} was killed, and what it had started is being ended"
            elif holder.process is not None and holder.process.life() == "unknown":
                uses = f"{busy} (process {who} of another container or machine) is using it"
            waiting(
                f"Waiting for the state folder {home.root}: {uses}. "
                "It goes on by itself when that ends; Ctrl-C gives up."
            )
        if stop.wait(_POLL_SECONDS):
            raise StateError(f"Gave up waiting for the state folder {home.root}, used by process {who}.")


def _read(descriptor: int) -> Holder:
    """What the holder wrote; nothing when it has not yet, or is just writing."""
    try:
        written = json.loads(os.pread(descriptor, 4096, 0))
        execution, serves = written.get("execution"), written.get("serves")
        return Holder(
            ProcessIdentity.parse(written.get("process")),
            execution if isinstance(execution, str) else None,
            serves if isinstance(serves, str) else None,
        )
    except (ValueError, AttributeError):
        return Holder()
