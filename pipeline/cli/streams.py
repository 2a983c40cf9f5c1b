"""Standard streams that a command can rely on: closed, full or without a reader, they end none in a traceback.

What cannot be written is dropped, and the first fault remembered: the command goes on, and says so at its end.
"""

from __future__ import annotations

import codecs
import contextlib
import errno
import io
import os
import select
import sys
from typing import Any, TextIO

_AS_GIVEN = "fashion-as-given"
# Signs that tell things apart, for an encoding without them.
_PLAIN_SIGNS = {"✓": "+", "✗": "x", "·": "-", "±": "+-", "×": "x", "→": "->", "…": "...", "−": "-"}
_FAR_GONE = (errno.EPIPE, errno.ECONNRESET)


class Outlet(io.RawIOBase):
    """The open file `descriptor`, for writing. `fault` is the first thing that went wrong."""

    def __init__(self, descriptor: int, fault: OSError | None = None) -> None:
        super().__init__()
        self._descriptor = descriptor
        self.fault = fault

    def writable(self) -> bool:
        """As io.RawIOBase has it."""
        return True

    def fileno(self) -> int:
        """As io.RawIOBase has it."""
        return self._descriptor

    def isatty(self) -> bool:
        """As io.RawIOBase has it."""
        return os.isatty(self._descriptor)

    def write(self, data: Any, /) -> int:
        """Write what can be written; the rest is dropped, as if it were."""
        view = memoryview(data).cast("B")
        while self.fault is None:
            try:
                return os.write(self._descriptor, view)
            except BlockingIOError:
                select.select([], [self._descriptor], [])
            except OSError as error:
                self.fault = error
        return len(view)

    @property
    def complaint(self) -> str | None:
        """What to say of the fault; None without one, and when the reader (head, less) has seen enough."""
        if self.fault is None or self.fault.errno in _FAR_GONE:
            return None
        return f"Could not write to standard output: {self.fault.strerror}."


def open_streams() -> Outlet:
    """Puts streams in the place of sys.stdin, sys.stdout and sys.stderr; returns the outlet of standard output.

    A descriptor that is closed is opened first: else the next file that is opened would be the standard output.
    """
    codecs.register_error(_AS_GIVEN, _as_given)
    closed = [descriptor for descriptor in range(3) if _is_closed(descriptor)]
    for _ in closed:
        os.open(os.devnull, os.O_RDWR)
    if 0 in closed:
        sys.stdin = open(0, closefd=False)  # noqa: SIM115 (a descriptor, for as long as the process lasts)
    outlet = Outlet(1, OSError(errno.EBADF, os.strerror(errno.EBADF)) if 1 in closed else None)
    sys.stdout = _text(outlet, sys.stdout, _AS_GIVEN)
    sys.stderr = _text(Outlet(2), sys.stderr, "backslashreplace")
    return outlet


def _is_closed(descriptor: int) -> bool:
    with contextlib.suppress(OSError):
        os.fstat(descriptor)
        return False
    return True


def _text(outlet: Outlet, before: TextIO | None, errors: str) -> io.TextIOWrapper:
    """A text stream to the outlet, in the encoding of the one `before`; lines of a terminal go out at once."""
    at_once = outlet.isatty() or outlet.fileno() == 2
    encoding = "utf-8" if before is None else before.encoding
    return io.TextIOWrapper(io.BufferedWriter(outlet), encoding, errors, line_buffering=at_once)


def _as_given(error: UnicodeError) -> tuple[bytes, int]:
    """What the encoding lacks becomes a plain sign or a question mark; bytes of a path are written as they were."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return b"".join(_plain(each) for each in error.object[error.start : error.end]), error.end


def _plain(character: str) -> bytes:
    if 0xDC80 <= ord(character) <= 0xDCFF:
        return bytes([ord(character) - 0xDC00])
    return _PLAIN_SIGNS.get(character, "?").encode()
