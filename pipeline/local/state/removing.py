"""Removing folders that jobs have written to: read-only ones, and trees deeper than Python's own removal goes."""

from __future__ import annotations

import os
import shutil
import stat
from contextlib import suppress
from pathlib import Path


def remove_tree(folder: Path) -> None:
    """Delete `folder` if it exists, as far as that is possible; a link is left alone."""
    if folder.is_symlink():
        return
    with suppress(OSError, RecursionError):
        shutil.rmtree(folder)
        return
    with suppress(OSError, RecursionError):
        _make_writable(folder)
        shutil.rmtree(folder)
        return
    if folder.is_dir():
        import subprocess

        # It goes down by folders, not by paths, which the system takes up to 4,096 bytes of.
        with suppress(OSError):
            subprocess.run(["rm", "-rf", "--", str(folder)], stdin=subprocess.DEVNULL, capture_output=True)


def _make_writable(folder: Path) -> None:
    if folder.is_dir():
        folder.chmod(stat.S_IRWXU)
    for path, folders, _ in os.walk(folder):
        for name in folders:
            inner = Path(path, name)
            if not inner.is_symlink():
                inner.chmod(stat.S_IRWXU)
