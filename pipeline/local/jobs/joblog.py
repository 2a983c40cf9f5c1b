"""A job's log: every byte in its file as it comes, every line to the observer, the last lines for a failure reason.

`process.py` feeds it what a job writes; the jobs add the engine's own lines, marked `[local]`.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from pipeline.local.jobs.log_noise import is_noise
from pipeline.local.state.masking import Mask

# A longer line reaches the observer cut; its file has it whole.
LONGEST_LINE = 16_384
TAIL_LINES = 15


class Log(Protocol):
    """What a process writes to: its job's log, or its host's part of that."""

    @property
    def tail(self) -> tuple[str, ...]:
        """The last lines that were fed, oldest first."""

    def feed(self, data: bytes) -> None:
        """Take `data` as the process wrote it: any bytes, cut anywhere."""

    def say(self, line: str) -> None:
        """Add a line of the engine's own; it is not part of the tail."""

    def end(self) -> None:
        """The process has ended: a last line that lacks its newline is one, too."""


class JobLog:
    """Used from the thread that reads a job's output and from the one that runs the job."""

    def __init__(self, path: Path, on_line: Callable[[str], None], secret: str = "") -> None:
        """`secret` is masked wherever the job writes it."""
        self.path = path
        self.secret = secret.encode()
        self._mask = Mask(self.secret)
        self._on_line = on_line
        self._lock = threading.Lock()
        self._partial = b""
        self._cut = False
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._unwritten: OSError | None = None
        # Appending: a retried or resumed step keeps the log of its earlier attempts.
        self._file = path.open("ab", buffering=0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def tail(self) -> tuple[str, ...]:
        """The last lines that the job wrote, oldest first."""
        with self._lock:
            return tuple(self._tail)

    def feed(self, data: bytes) -> None:
        """Take `data` as the job wrote it: any bytes, cut anywhere."""
        with self._lock:
            if self._file.closed:
                return  # A daemon that the job left behind still writes: nobody reads that.
            self._take(self._mask.feed(data))

    def _take(self, data: bytes) -> None:
        """Write what the job wrote, and emit the lines that it completes."""
        self._write(data)
        *lines, self._partial = (self._partial + data).split(b"\n")
        for line in lines:
            if not self._cut:
                self._emit(line)
            self._cut = False
        if len(self._partial) > LONGEST_LINE:
            if not self._cut:
                self._emit(self._partial)
            # What is left of this line is in the file only; memory stays bounded whatever a job writes.
            self._cut, self._partial = True, b""

    def say(self, line: str) -> None:
        """Add a line of the engine's own; it is not part of the tail."""
        text = f"[local] {line}"
        with self._lock:
            # Not into the middle of a line that the job has yet to end.
            self._write((b"\n" if self._partial or self._cut else b"") + text.encode() + b"\n")
            self._on_line(text)

    def end(self) -> None:
        """Emit a last line that lacks its newline."""
        with self._lock:
            if (held := self._mask.rest()) and not self._file.closed:
                self._take(held)
            if self._partial and not self._cut:
                self._emit(self._partial)
            self._partial = b""

    def close(self) -> None:
        """Emit a last line that lacks its newline, and close the file."""
        self.end()
        with self._lock:
            self._file.close()

    def _write(self, data: bytes) -> None:
        try:
            self._file.write(data)
        except OSError as error:
            # A full disk must not stop the reading: the job would hang on a full pipe. Said once.
            if self._unwritten is None:
                self._unwritten = error
                self._on_line(f"[local] the log file {self.path} lacks lines from here on: {error}")

    def _emit(self, raw: bytes) -> None:
        # A progress bar redraws its line with carriage returns: only its last state is worth a line.
        text = raw.rstrip(b"\r").rpartition(b"\r")[2].decode("utf-8", errors="replace")
        if is_noise(text):
            return
        if len(text) > LONGEST_LINE:
            text = text[:LONGEST_LINE] + " …"
        self._tail.append(text)
        self._on_line(text)


class HostLog:
    """One host's part of the log of a job that has several: its lines begin with its name, `[algo-1] `.

    They go on whole, so that lines of two hosts do not mix. Used from the thread that reads the host's output.
    """

    def __init__(self, log: JobLog, host: str) -> None:
        self._log = log
        self._host = host
        self._mask = Mask(log.secret)
        self._prefix = f"[{host}] ".encode()
        self._partial = b""
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)

    @property
    def tail(self) -> tuple[str, ...]:
        """The last lines of this host, without its name, oldest first."""
        return tuple(self._tail)

    def feed(self, data: bytes) -> None:
        """Take `data` as the host wrote it: any bytes, cut anywhere."""
        self._take(self._mask.feed(data))

    def _take(self, data: bytes) -> None:
        *lines, self._partial = (self._partial + data).split(b"\n")
        if len(self._partial) > LONGEST_LINE:
            # A line that has no end must not be held back for ever.
            lines, self._partial = [*lines, self._partial], b""
        for line in lines:
            # A progress bar redraws its line after a carriage return: its name is drawn again, too.
            line = line.rstrip(b"\r").replace(b"\r", b"\r" + self._prefix)
            text = line.rpartition(b"\r" + self._prefix)[2].decode("utf-8", errors="replace")
            if not is_noise(text):
                self._tail.append(text)
            self._log.feed(self._prefix + line + b"\n")

    def say(self, line: str) -> None:
        """Add a line of the engine's own about this host."""
        self._log.say(f"{self._host}: {line}")

    def end(self) -> None:
        """Pass on a last line that lacks its newline."""
        self._take(self._mask.rest())
        if self._partial:
            self._take(b"\n")
