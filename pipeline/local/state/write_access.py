"""Why a folder cannot be written: what the kernel said yes or no to, in words."""

from __future__ import annotations

import os
from pathlib import Path

# Whether os.access can ask for the user that files are opened as, rather than the one that started the process.
_EFFECTIVE = os.access in os.supports_effective_ids
READ_ONLY = "its file system is read-only"


def refusal_to_write(folder: Path, mode: int = os.W_OK | os.X_OK) -> str | None:
    """Why this process has not the access `mode` to a folder, as the end of a sentence; None: it has.

    Raises:
        OSError: it is not there.
    """
    if os.access(folder, mode, effective_ids=_EFFECTIVE):
        return None
    if mode & os.W_OK and is_read_only(folder):
        return READ_ONLY
    if os.geteuid() == 0:  # whom neither owner nor mode keeps from it
        return f"you may not write in it, though you are root: {folder} may be immutable (lsattr says)"
    found = folder.stat()
    return (
        f"you may not write in it: {folder} belongs to user {found.st_uid}, mode {found.st_mode & 0o777:o}; you "
        f"are user {os.geteuid()}"
    )


def is_read_only(folder: Path) -> bool:
    """Whether the folder lies on a file system that is mounted read-only.

    Raises:
        OSError: it is not there.
    """
    return bool(os.statvfs(folder).f_flag & os.ST_RDONLY)
