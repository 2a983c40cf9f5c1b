"""What to do when the state folder's disk refuses something, by what it said."""

from __future__ import annotations

import errno
from pathlib import Path

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_GONE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ESTALE})


def disk_advice(error: OSError, folder: Path) -> str:
    """The next step, as the beginning of a sentence to which ", then …" is added; `folder` is what was there."""
    if error.errno in _FULL:
        return "Free space on that disk"
    if error.errno in _GONE and not folder.is_dir():
        return f"{folder} was removed, moved or unmounted while this command used it: put it back"
    if error.errno == errno.EROFS:
        return f"Mount the file system of {folder} writable again"
    return "Check who owns that folder, and its disk"
