"""Which process is meant: a number alone is another process in another container, after a boot, or some time later.

A `ProcessIdentity` is written where a process leaves something that others may have to judge: the lock, temporary
files, folders of containers.
"""

from __future__ import annotations

import functools
import hashlib
import os
import re
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

# "gone": it has ended. "unknown": it belongs to another container or machine, where this process cannot look.
Life = Literal["running", "gone", "unknown"]

_FORM = re.compile(
    r"(?P<pid>[0-9]+)\.(?P<started>[0-9]+)\.(?P<place>[0-9a-f]{12})\.(?P<machine>[0-9a-f]{12}|0)"
)
# The inode of the namespace that a machine boots with, by the kernel's definition (PROC_PID_INIT_INO).
_FIRST_NAMESPACE = "pid:[4026531836]"
_DIGITS = 12


@dataclass(frozen=True)
class ProcessIdentity:
    """A process among all there ever were. `started` is when, in units of its system (Linux: ticks since the boot).

    `place` stands for a boot of a machine and a namespace of process numbers in it; `machine` for the machine,
    where that is known ("0": it is not, as in a container), so that what was before its last boot can be told.
    """

    pid: int
    started: int
    place: str
    machine: str = "0"

    def __str__(self) -> str:
        """The form that `parse` reads; letters, digits and dots only."""
        return f"{self.pid}.{self.started}.{self.place}.{self.machine}"

    @classmethod
    def parse(cls, text: object) -> ProcessIdentity | None:
        """The identity that was written as `text`; None when it is not one."""
        found = _FORM.fullmatch(text) if isinstance(text, str) else None
        if found is None:
            return None
        return cls(int(found["pid"]), int(found["started"]), found["place"], found["machine"])

    @classmethod
    def mine(cls) -> ProcessIdentity:
        """The identity of this process."""
        pid = os.getpid()
        return cls(pid, start_of(pid) or 0, _place(), _machine())

    def life(self) -> Life:
        """Whether the process still runs, as far as can be told from here."""
        if self.place == _place():
            started = start_of(self.pid)
            if started is None and _is_hidden(self.pid):
                return "unknown"
            return "running" if started == self.started else "gone"
        # Elsewhere, unless it is this machine before its last boot. Both sides are outside of any container.
        return "gone" if self.machine != "0" and self.machine == _machine() else "unknown"

    def send(self, number: int) -> bool:
        """Send the process signal `number`; False when it has ended, or is not one that can be reached from here.

        Raises:
            PermissionError: it belongs to another user.
        """
        if not hasattr(os, "pidfd_open"):  # Not on Linux: a moment lies between looking and sending.
            if self.life() != "running":
                return False
            os.kill(self.pid, number)
            return True
        try:
            descriptor = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return False
        try:
            # Whatever happens to the number from here on: the descriptor stands for this one process.
            if self.life() != "running":
                return False
            signal.pidfd_send_signal(descriptor, number)
        except ProcessLookupError:
            return False
        finally:
            os.close(descriptor)
        return True


def start_of(pid: int) -> int | None:
    """When process `pid` was started; None when there is none, or it has ended and only waits to be looked at."""
    try:
        # The name in parentheses may hold spaces and parentheses itself.
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None if Path("/proc/self/stat").exists() else _start_without_proc(pid)
    except PermissionError:
        return None
    return None if fields[0] in (b"Z", b"X") else int(fields[19])


def _is_hidden(pid: int) -> bool:
    """Whether there is such a process, which only /proc does not show (mounted with hidepid)."""
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (ProcessLookupError, OverflowError):
        return False
    return False


def _start_without_proc(pid: int) -> int | None:
    """As start_of, in microseconds since the epoch, on a system without /proc (macOS)."""
    import psutil

    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else int(process.create_time() * 1e6)
    except psutil.Error:
        return None


@functools.cache
def _place() -> str:
    """This boot of this machine, and the namespace that this process' number is of."""
    boot = _first_line("/proc/sys/kernel/random/boot_id")
    if boot is None or (namespace := _namespace()) is None:
        # Without either, the time at which a process started still tells processes of one machine apart.
        return _digest(f"{os.uname().sysname} {os.uname().nodename}")
    return _digest(f"{boot} {namespace}")


@functools.cache
def _machine() -> str:
    """This machine, whatever its boot; "0" when that cannot be known."""
    identity = _first_line("/etc/machine-id")
    if not identity or _namespace() != _FIRST_NAMESPACE:
        return "0"
    return _digest(f"{identity} {os.uname().nodename}")


def _namespace() -> str | None:
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return None


def _first_line(path: str) -> str | None:
    try:
        return Path(path).read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return None


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]
