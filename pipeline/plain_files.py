"""Opens files that a user named: plain ones alone. A pipe, a device or a socket would keep a command waiting."""

from __future__ import annotations

import io
import os
import stat
from pathlib import Path

FOLDER = "a folder"
_KINDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
    stat.S_IFDIR: FOLDER,
}


class NotPlain(OSError):
    """It is there, and not a plain file; `strerror` says what it is and what to do."""

    def __init__(self, path: Path, kind: str) -> None:
        super().__init__(None, f"{kind}, not a plain file")
        self.filename = str(path)
        self.kind = kind


def open_plain(path: Path) -> io.BufferedReader:
    """The plain file at `path`, to read bytes from. Never waits for anybody.

    Raises:
        NotPlain: a folder, a pipe, a device or a socket.
        OSError: it cannot be opened.
    """
    try:
        # Not blocking: a pipe that nobody writes to would never open.
        file = io.FileIO(path, opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK | os.O_NOCTTY))
    except IsADirectoryError:
        raise NotPlain(path, FOLDER) from None
    except OSError:
        kind = kind_of(path)
        if kind is not None:  # a socket cannot be opened at all
            raise NotPlain(path, kind) from None
        raise
    kind = _kind(os.fstat(file.fileno()).st_mode)
    if kind is not None:
        file.close()
        raise NotPlain(path, kind)
    return io.BufferedReader(file)


def kind_of(path: Path) -> str | None:
    """What lies at `path`, for example "a pipe"; None for a plain file, and where nothing can be seen there."""
    try:
        return _kind(path.stat().st_mode)
    except (OSError, ValueError):
        return None


def _kind(mode: int) -> str | None:
    return None if stat.S_ISREG(mode) else _KINDS.get(stat.S_IFMT(mode), "something else")
