"""What is in the local S3, on disk: contents named by their SHA-256, and an index of buckets and keys."""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from pathlib import Path

from pipeline.errors import StateError, UsageError
from pipeline.local.home import Home
from pipeline.local.store import Store


@dataclass(frozen=True)
class StoredObject:
    """An S3 object on disk. `size` in bytes, `sha256` of the content in hex."""

    bucket: str
    key: str
    sha256: str
    size: int

    @property
    def uri(self) -> str:
        """The object's s3:// URI."""
        return f"s3://{self.bucket}/{self.key}"


def split_uri(uri: str) -> tuple[str, str]:
    """Bucket and key (or prefix) of an s3:// URI. Raises UsageError when it is not one."""
    scheme, _, rest = uri.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme != "s3" or not bucket:
        raise UsageError(
            f"Reading an S3 address: expected s3://bucket/key. Received: {uri!r}. Correct the address."
        )
    return bucket, key


class Objects:
    """The stored objects of a state folder. Usable from several threads."""

    def __init__(self, home: Home, store: Store) -> None:
        self._home = home
        self._database = store.database

    def path(self, stored: StoredObject) -> Path:
        """The file with the object's content; never write to it."""
        return self._home.objects / stored.sha256[:2] / stored.sha256

    def under(self, uri: str) -> list[StoredObject]:
        """The stored objects whose address begins with `uri`, by key."""
        bucket, prefix = split_uri(uri)
        rows = self._database.rows(
            "SELECT bucket, key, sha256, size FROM objects WHERE bucket = ? AND substr(key, 1, ?) = ? ORDER BY key",
            (bucket, len(prefix), prefix),
        )
        return [StoredObject(*row) for row in rows]

    def find(self, bucket: str, key: str) -> StoredObject | None:
        """The stored object of that very key; None when there is none."""
        rows = self._database.rows(
            "SELECT bucket, key, sha256, size FROM objects WHERE bucket = ? AND key = ?", (bucket, key)
        )
        return StoredObject(*rows[0]) if rows else None

    def put(self, bucket: str, key: str, content: Iterable[bytes]) -> StoredObject:
        """Store an object; what was stored under its key before stays until the new content is safe on disk.

        Raises:
            StateError: the disk is full, or the folder cannot be written.
        """
        partial = self._home.scratch(f"object-{threading.get_ident()}")
        digest = hashlib.sha256()
        size = 0
        try:
            with self._writing(f"s3://{bucket}/{key}"), partial.open("wb") as file:
                for chunk in content:
                    file.write(chunk)
                    digest.update(chunk)
                    size += len(chunk)
                file.flush()
                os.fsync(file.fileno())
                stored = StoredObject(bucket, key, digest.hexdigest(), size)
                path = self.path(stored)
                path.parent.mkdir(exist_ok=True)
                # Contents are shared between keys and runs: nobody may write them in place.
                partial.chmod(0o444)
                # An older twin is replaced too: it may have been damaged since.
                partial.replace(path)
                _sync_folder(path.parent)
        finally:
            partial.unlink(missing_ok=True)
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?)", (bucket, key, stored.sha256, size)
            )
        return stored

    def forget(self, bucket: str, keys: Iterable[str]) -> None:
        """Take keys out of the index; their contents stay on disk, where others may have the same."""
        with self._database.transaction() as connection:
            connection.executemany(
                "DELETE FROM objects WHERE bucket = ? AND key = ?", [(bucket, key) for key in keys]
            )

    def damage(self, stored: StoredObject) -> str | None:
        """What is wrong with the object's content on disk, after reading all of it; None when it is intact."""
        path = self.path(stored)
        try:
            if path.stat().st_size != stored.size:
                return f"{path} has {path.stat().st_size} bytes instead of {stored.size}"
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            return f"{path}: {error.strerror}"
        return None if digest == stored.sha256 else f"{path} has SHA-256 {digest} instead of its name"

    def change(self, recorded: Iterable[StoredObject]) -> str | None:
        """The first of the `recorded` objects that is no longer stored as it was, in words; None when all are.

        Reads all of them.
        """
        for stored in recorded:
            now = self.find(stored.bucket, stored.key)
            if now is None:
                return f"{stored.uri} is gone"
            if now != stored:
                return f"{stored.uri} was written again since, with other content"
            damage = self.damage(stored)
            if damage is not None:
                return f"{stored.uri}: {damage}"
        return None

    def forget_damaged(self, uri: str) -> None:
        """Take the objects below `uri` whose content is damaged or missing out of the index, to be stored again."""
        for stored in self.under(uri):
            if self.damage(stored) is not None:
                self.forget(stored.bucket, [stored.key])

    def set_aside(self, stored: StoredObject) -> str:
        """Take a damaged object out of the index; keep its file under another name. Returns what to say of it."""
        path = self.path(stored)
        kept = self._home.set_aside / f"{time.time_ns()}-{stored.sha256}"
        said = ""
        try:
            kept.parent.mkdir(exist_ok=True)
            path.replace(kept)
            said = f" It is kept as {kept}."
        except FileNotFoundError:
            pass
        except OSError as error:
            said = f" It stays there, for it could not be renamed: {error.strerror}."
        self.forget(stored.bucket, [stored.key])
        return said

    def check(self, stored: StoredObject) -> None:
        """Read the object's content; raises StateError when it is damaged or missing."""
        damage = self.damage(stored)
        if damage is not None:
            raise StateError(
                f"Reading the stored {stored.uri}: expected the content that was written. Received: {damage}. "
                "Remove that file if it exists, and run the step that made it again: python -m pipeline run"
            )

    @contextmanager
    def _writing(self, uri: str) -> Iterator[None]:
        try:
            yield
        except (ConnectionError, TimeoutError):
            # Of whoever sends the content, not of the disk.
            raise
        except OSError as error:
            raise StateError(
                f"Storing {uri} in {self._home.objects}: expected to write it whole. "
                f"Received: {error.strerror or error}. Free space on that disk, then resume the execution."
            ) from error


def dump_objects(stored: Iterable[StoredObject]) -> str:
    """Which objects there were, and with which contents, as JSON."""
    return json.dumps([astuple(each) for each in stored])


def load_objects(text: str) -> tuple[StoredObject, ...]:
    """What dump_objects wrote."""
    return tuple(StoredObject(*values) for values in json.loads(text))


def stored_files(home: Home, store: Store, uri: str) -> dict[str, Path]:
    """The stored objects below the folder `uri`: their keys relative to it, and the files with their contents.

    The files belong to the store: read only. Needs no server.
    """
    objects = Objects(home, store)
    folder = uri.rstrip("/") + "/"
    start = len(split_uri(folder)[1])
    return {stored.key[start:]: objects.path(stored) for stored in objects.under(folder)}


def _sync_folder(folder: Path) -> None:
    """Make a rename durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
