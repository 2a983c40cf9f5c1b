"""The folders of jobs that ended well, for later jobs of the same execution: as they were before, or not at all.

A fresh folder with its layer is some thirty small files and folders. To make and to remove them takes a file system
longer than most jobs take to start. What a job left is removed; when one of the thirty is not what it was (content,
owner, mode, attributes), the whole folder goes.
"""

from __future__ import annotations

import os
import secrets
import shutil
import stat
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from pipeline.local.state.removing import remove_tree

# What a fresh folder has: of each path what tells whether it was changed.
_Entry = tuple[int, int, int, tuple[object, ...], list[tuple[str, bytes]]]
# Its files are far shorter.
_MOST_BYTES = 1 << 16
# So many at once wait for jobs: more than a machine's cores make use of.
MOST_WAITING = 32


class UsedFolders:
    """A context manager, at whose end none is left. Usable from several threads.

    `scratch` gives a path on the disk of the folders, by a name; what a killed command leaves there is swept up.
    """

    def __init__(self, scratch: Callable[[str], Path]) -> None:
        self._scratch = scratch
        self._lock = threading.Lock()
        self._free: list[Path] = []
        self._done_with: list[Path] = []
        # By paths below the root ("" is the root itself), each after its folder; None: none was made yet.
        self._fresh: dict[str, _Entry] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while self._free:
            self._remove(self._free.pop())
        while self._done_with:
            remove_tree(self._done_with.pop())

    def put_aside(self, root: Path) -> None:
        """Take the folder at `root` away now, and remove it at the end: a stop has no time for all its files."""
        aside = self._scratch(f"stopped-{secrets.token_hex(8)}")
        with suppress(OSError):
            root.rename(aside)
            self._done_with.append(aside)

    def take(self, root: Path) -> bool:
        """Let `root`, where nothing is, be a folder that is as a fresh one; False: there is none."""
        with self._lock:
            used = self._free.pop() if self._free else None
        if used is None:
            return False
        try:
            used.rename(root)
        except OSError:
            remove_tree(used)
            return False
        return True

    def learn(self, root: Path) -> None:
        """Remember that a fresh folder is as the one at `root`."""
        if self._fresh is None:
            with suppress(OSError):  # Of a file system without attributes: none is used again.
                self._fresh = {"": _entry(str(root)), **_look(str(root))}

    def put(self, root: Path) -> None:
        """Take the folder at `root`, of which its job needs nothing any more."""
        try:
            if (
                self._fresh is not None
                and len(self._free) < MOST_WAITING
                and self._restored(str(root), self._fresh)
            ):
                used = self._scratch(f"used-{secrets.token_hex(8)}")
                root.rename(used)
                with self._lock:
                    self._free.append(used)
                return
        except (OSError, RecursionError):
            pass  # It cannot be used again.
        remove_tree(root)

    def _remove(self, used: Path) -> None:
        """Remove a folder that is as a fresh one: what is in it is known."""
        try:
            for path, (mode, *_) in reversed((self._fresh or {}).items()):
                (os.rmdir if stat.S_ISDIR(mode) else os.unlink)(f"{used}{path}")
        except OSError:
            remove_tree(used)

    def _restored(self, root: str, fresh: dict[str, _Entry]) -> bool:
        """Remove what a fresh folder does not have; whether the rest is as it was."""
        if _entry(root) != fresh[""]:
            return False
        seen = 1
        folders = [""]
        while folders:
            folder = folders.pop()
            with os.scandir(root + folder) as entries:
                found = list(entries)
            for each in found:
                path = f"{folder}/{each.name}"
                if (wanted := fresh.get(path)) is None:
                    if each.is_dir(follow_symlinks=False):
                        shutil.rmtree(each.path)
                    else:
                        os.unlink(each.path)  # noqa: PTH108 (pathlib takes longer for it than the system)
                    continue
                if _entry(each.path) != wanted:
                    return False
                seen += 1
                if each.is_dir(follow_symlinks=False):
                    folders.append(path)
        return seen == len(fresh)


def _look(root: str, folder: str = "") -> dict[str, _Entry]:
    found: dict[str, _Entry] = {}
    with os.scandir(root + folder) as entries:
        for each in entries:
            path = f"{folder}/{each.name}"
            found[path] = _entry(each.path)
            if each.is_dir(follow_symlinks=False):
                found |= _look(root, path)
    return found


def _entry(path: str) -> _Entry:
    """What a job could change of the file or folder at `path`, but for what is in the folder."""
    found = os.lstat(path)
    own: tuple[object, ...] = ()
    if stat.S_ISLNK(found.st_mode):
        own = (os.readlink(path),)  # noqa: PTH115 (as above)
    elif stat.S_ISREG(found.st_mode):
        with open(path, "rb") as file:  # noqa: PTH123
            own = (found.st_nlink, found.st_size, file.read(_MOST_BYTES))
    attributes = [
        (name, os.getxattr(path, name, follow_symlinks=False))
        for name in os.listxattr(path, follow_symlinks=False)
    ]
    return found.st_mode, found.st_uid, found.st_gid, own, attributes
