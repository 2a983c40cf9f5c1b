"""Folders of tests: what lies in one, to compare before and after, and one that is deep."""

from __future__ import annotations

import os
from pathlib import Path


def contents(folder: Path) -> dict[str, bytes | str | None]:
    """Everything below `folder` by relative path: the bytes of a file, the target of a link, None for a folder."""
    return {
        str(path.relative_to(folder)): (
            str(path.readlink()) if path.is_symlink() else path.read_bytes() if path.is_file() else None
        )
        for path in sorted(folder.rglob("*"))
    }


def make_deep(folder: Path, name: str) -> None:
    """Folders in folders, more than Python's own removal goes down."""
    folder.mkdir()
    before = os.open(folder, os.O_RDONLY)
    for _ in range(1500):
        os.mkdir(name, dir_fd=before)
        inner = os.open(name, os.O_RDONLY, dir_fd=before)
        os.close(before)
        before = inner
    os.close(before)
