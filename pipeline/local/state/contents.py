"""The contents of stored objects, as files named by their SHA-256: whoever writes one knows it by that name.

A content is written whole or not at all, and shared by all keys that have it. What is written is safe from a crash
of the machine once `sync` was called: one call for many, since every single one costs a disk's answer.
"""

from __future__ import annotations

import hashlib
import os
import stat
import threading
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import BinaryIO

from pipeline.errors import StateError
from pipeline.formatting import plural
from pipeline.local.state.disk_advice import disk_advice
from pipeline.local.state.state_dir import Home

CHUNK_BYTES = 1 << 20
# From so many files on, asking the file system to write all it has is quicker than asking for each of them.
_MANY = 16


@dataclass(frozen=True)
class Content:
    """What a stored content is: digests in hex, `size` in bytes."""

    sha256: str
    md5: str
    size: int


class Contents:
    """The contents in a state folder. Usable from several threads and processes."""

    def __init__(self, home: Home) -> None:
        self._home = home

    def path(self, sha256: str) -> Path:
        """The file with the content; never write to it."""
        return self._home.objects / sha256[:2] / sha256

    def write(self, pieces: Iterable[bytes], name: str) -> Content:
        """Write a content; `name` says in an error what it was to be.

        Raises:
            StateError: the disk is full, or the folder cannot be written; nothing has changed.
        """
        partial = self._home.scratch(f"object-{threading.get_ident()}")
        sha256, md5, size = hashlib.sha256(), hashlib.md5(usedforsecurity=False), 0
        try:
            with self._writing(name):
                # Contents are shared between keys and runs: nobody may write them in place.
                descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o444)
                with os.fdopen(descriptor, "wb", buffering=0) as file:
                    for piece in pieces:
                        _write_all(file.fileno(), piece)
                        sha256.update(piece)
                        md5.update(piece)
                        size += len(piece)
                content = Content(sha256.hexdigest(), md5.hexdigest(), size)
                self._put_in_place(partial, content)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
        return content

    def adopt(self, path: Path, name: str) -> Content:
        """Make a file of ours, which nobody writes to any more, a content: as it is, where the disk has links.

        A link to another file, and one with other names (which may be somebody's own), are copied.

        Raises:
            UnreadableError: it cannot be read.
            StateError: as write does.
        """
        try:
            status = path.lstat()
        except OSError as error:
            raise UnreadableError(error.errno, error.strerror, str(path)) from error
        partial = self._home.scratch(f"object-{threading.get_ident()}")
        if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
            return self.write(pieces_of(path), name)
        content = _content_of(path)
        if self.path(content.sha256).exists():
            # Others have it already: it must not become a file that may yet be looked at where it lies.
            return self.write(pieces_of(path), name)
        try:
            os.link(path, partial)
        except OSError:
            # Another disk, or one without links.
            return self.write(pieces_of(path), name)
        with self._writing(name):
            try:
                partial.chmod(0o444)
                self._put_in_place(partial, content)
            finally:
                # A rename onto another name of the same file does nothing.
                partial.unlink(missing_ok=True)
        return content

    def sync(self, sha256s: Collection[str]) -> None:
        """Make what was written durable.

        Raises:
            StateError: the disk fails; it may be full.
        """
        with self._writing(plural(len(sha256s), "object")):
            if len(sha256s) >= _MANY and _sync_file_system(self._home.objects):
                return
            paths = {self.path(sha256) for sha256 in sha256s}
            for path in (*paths, *{path.parent for path in paths}):
                _sync(path)

    def damage(self, sha256: str, size: int) -> str | None:
        """What is wrong with a content on disk, after reading all of it; None when it is intact."""
        path = self.path(sha256)
        try:
            if path.stat().st_size != size:
                return f"{path} has {path.stat().st_size} bytes instead of {size}"
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            return f"{path}: {error.strerror}"
        return None if digest == sha256 else f"{path} has SHA-256 {digest} instead of its name"

    def _put_in_place(self, partial: Path, content: Content) -> None:
        path = self.path(content.sha256)
        # An older twin is replaced too: it may have been damaged since.
        try:
            partial.replace(path)
        except FileNotFoundError:
            path.parent.mkdir(exist_ok=True)
            partial.replace(path)

    @contextmanager
    def _writing(self, name: str) -> Iterator[None]:
        try:
            yield
        except (ConnectionError, TimeoutError, UnreadableError):
            # Of whoever sends the content, not of the disk.
            raise
        except OSError as error:
            raise StateError(
                f"Could not store {name} in {self._home.objects}: {error.strerror or error}. "
                f"{disk_advice(error, self._home.objects)}, then resume the execution"
                + ("; what was stored before is intact." if self._home.objects.is_dir() else ".")
            ) from error


class UnreadableError(OSError):
    """The file that was to be stored cannot be read: nothing is wrong with the state folder's disk."""


def pieces_of(path: Path) -> Iterator[bytes]:
    """The content of a file, in pieces. Raises UnreadableError, with the errno and name of what went wrong."""
    try:
        with path.open("rb", buffering=0) as file:
            yield from pieces_of_open(file, path)
    except OSError as error:
        raise UnreadableError(error.errno, error.strerror, str(path)) from error


def pieces_of_open(file: BinaryIO | FileIO, path: Path) -> Iterator[bytes]:
    """The rest of an open file that is, or was, called `path`, in pieces. Errors as for pieces_of."""
    try:
        while piece := file.read(CHUNK_BYTES):
            yield piece
    except OSError as error:
        raise UnreadableError(error.errno, error.strerror, str(path)) from error


def _content_of(path: Path) -> Content:
    sha256, md5, size = hashlib.sha256(), hashlib.md5(usedforsecurity=False), 0
    for piece in pieces_of(path):
        sha256.update(piece)
        md5.update(piece)
        size += len(piece)
    return Content(sha256.hexdigest(), md5.hexdigest(), size)


def _write_all(descriptor: int, piece: bytes) -> None:
    view = memoryview(piece)
    while view:
        view = view[os.write(descriptor, view) :]


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_file_system(folder: Path) -> bool:
    """Write out all of the folder's file system; False where the system cannot be asked for that."""
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "syncfs"):
        return False
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        if libc.syncfs(descriptor) != 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))
    finally:
        os.close(descriptor)
    return True
