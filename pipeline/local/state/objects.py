"""What is in the local S3, on disk: an index of buckets and keys, and the contents that they have (contents.py).

The index is what S3 would keep: whoever writes an object, a job, a step's output or an upload, it is there for the
next command. It is read and written by the command and by its S3 server (moto_objects.py), a process of its own.
"""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import astuple, dataclass, field
from pathlib import Path
from typing import Any

from pipeline.errors import StateError, UsageError
from pipeline.local.state.contents import Content, Contents
from pipeline.local.state.journal import line_of
from pipeline.local.state.state_dir import Home
from pipeline.local.state.store import Store
from pipeline.spec.s3_address import as_s3

# Above every key: keys have at most 1024 bytes.
_ABOVE = "\U0010ffff" * 257
_COLUMNS = "bucket, key, sha256, size"


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


@dataclass(frozen=True)
class Entry:
    """An object with what S3 tells of it: its ETag, when it was written (epoch), and the rest of its `details`."""

    stored: StoredObject
    etag: str
    modified: float
    details: Mapping[str, Any] = field(default_factory=dict)


def split_uri(uri: str) -> tuple[str, str]:
    """Bucket and key (or prefix) of an s3:// URI, or an https:// one of S3's. Raises UsageError for others."""
    scheme, _, rest = as_s3(uri).partition("://")
    bucket, _, key = rest.partition("/")
    if scheme != "s3" or not bucket:
        raise UsageError(f"An S3 address must be s3://bucket/key, not {uri!r}. Correct the address.")
    return bucket, key


class Objects:
    """The stored objects of a state folder. Usable from several threads."""

    def __init__(self, home: Home, store: Store) -> None:
        self.contents = Contents(home)
        self._home = home
        self._database = store.database
        self._journal = store.journal

    def path(self, stored: StoredObject) -> Path:
        """The file with the object's content; never write to it."""
        return self.contents.path(stored.sha256)

    def under(self, uri: str) -> list[StoredObject]:
        """The stored objects whose address begins with `uri`, by key."""
        bucket, prefix = split_uri(uri)
        rows = self._database.rows(
            f"SELECT {_COLUMNS} FROM objects WHERE bucket = ? AND key >= ? AND key <= ? ORDER BY key",
            (bucket, prefix, prefix + _ABOVE),
        )
        return [StoredObject(*row) for row in rows if is_object_row(row)]

    def entries(self, bucket: str, prefix: str = "") -> list[Entry]:
        """The objects of a bucket whose keys begin with `prefix`, by key, with all that is known of them."""
        rows = self._database.rows(
            f"SELECT {_COLUMNS}, etag, modified, details FROM objects"
            " WHERE bucket = ? AND key >= ? AND key <= ? ORDER BY key",
            (bucket, prefix, prefix + _ABOVE),
        )
        return [
            Entry(
                StoredObject(*row[:4]),
                # One that was stored before ETags were kept gets one that nobody takes for an MD5.
                etag or f"{row[2][:32]}-1",
                modified,
                _details(details),
            )
            for *row, etag, modified, details in rows
            if is_object_row(tuple(row))
        ]

    def find(self, bucket: str, key: str) -> StoredObject | None:
        """The stored object of that very key; None when there is none."""
        rows = self._database.rows(
            f"SELECT {_COLUMNS} FROM objects WHERE bucket = ? AND key = ?", (bucket, key)
        )
        return StoredObject(*rows[0]) if rows and is_object_row(rows[0]) else None

    def buckets(self) -> dict[str, str | None]:
        """The buckets, and whether their objects have versions (as S3's GetBucketVersioning tells it)."""
        return dict(self._database.rows("SELECT name, versioning FROM buckets ORDER BY name"))

    def put(self, bucket: str, key: str, content: Iterable[bytes]) -> StoredObject:
        """Store an object; what was stored under its key before stays until the new content is safe on disk.

        Raises:
            StateError: the disk is full, or the folder cannot be written.
        """
        entry = new_entry(bucket, key, self.contents.write(content, f"s3://{bucket}/{key}"))
        self.contents.sync([entry.stored.sha256])
        self.record([entry])
        return entry.stored

    def record(
        self,
        entries: Collection[Entry],
        gone: Collection[tuple[str, str]] = (),
        buckets: Mapping[str, str | None] | None = None,
        gone_buckets: Collection[str] = (),
    ) -> None:
        """Write objects whose contents are safe on disk, and their buckets, into the index, without what is `gone`.

        All of it or nothing; `buckets` are new or changed. Raises StateError when the database fails.
        """
        now_there = dict.fromkeys(entry.stored.bucket for entry in entries)
        with self._database.transaction() as connection:
            connection.executemany(
                "DELETE FROM objects WHERE bucket = ? AND key = ?", [(bucket, key) for bucket, key in gone]
            )
            connection.executemany("DELETE FROM buckets WHERE name = ?", [(name,) for name in gone_buckets])
            connection.executemany(
                "INSERT OR REPLACE INTO buckets (name, versioning) VALUES (?, ?)",
                list((buckets or {}).items()),
            )
            connection.executemany(
                "INSERT OR IGNORE INTO buckets (name) VALUES (?)", [(name,) for name in now_there]
            )
            rows = [
                (
                    *astuple(entry.stored),
                    entry.etag,
                    entry.modified,
                    json.dumps(dict(entry.details)) if entry.details else None,
                )
                for entry in entries
            ]
            connection.executemany(
                f"INSERT OR REPLACE INTO objects ({_COLUMNS}, etag, modified, details)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                rows,
            )
            self._journal.add(
                [
                    *(line_of("forgotten", *name) for name in gone),
                    *(line_of("gone bucket", name) for name in gone_buckets),
                    *(line_of("bucket", *bucket) for bucket in (buckets or {}).items()),
                    *(line_of("object", *row) for row in rows),
                ]
            )

    def forget(self, bucket: str, keys: Iterable[str]) -> None:
        """Take keys out of the index; their contents stay on disk, where others may have the same."""
        self.record([], gone=[(bucket, key) for key in keys])

    def drop(self, stored: Collection[StoredObject]) -> None:
        """Take objects out of the index, and contents that no other object has from the disk."""
        self.record([], gone=[(each.bucket, each.key) for each in stored])
        for each in stored:
            if not self._database.rows("SELECT 1 FROM objects WHERE sha256 = ? LIMIT 1", (each.sha256,)):
                self.path(each).unlink(missing_ok=True)

    def damage(self, stored: StoredObject) -> str | None:
        """What is wrong with the object's content on disk, after reading all of it; None when it is intact."""
        return self.contents.damage(stored.sha256, stored.size)

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
            raise StateError(damage_text(stored.uri, damage))


def new_entry(bucket: str, key: str, content: Content) -> Entry:
    """The entry of an object that is written now, as S3 makes it of one that arrives in one piece."""
    return Entry(StoredObject(bucket, key, content.sha256, content.size), content.md5, time.time())


def damage_text(uri: str, damage: str) -> str:
    """What to say of an object whose content is damaged or missing."""
    return (
        f"The stored object {uri} is damaged: {damage}. Remove that file if it exists, and run the step that made "
        "it again (python -m pipeline run), or upload the object again."
    )


def _details(text: object) -> dict[str, Any]:
    """What `record` wrote of an object's details; nothing when that was damaged since."""
    try:
        value = json.loads(str(text)) if text else {}
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def is_object_row(row: tuple[object, ...]) -> bool:
    """Whether a row of a damaged database may be an object's at all; its content is checked when it is read."""
    return [type(value) for value in row] == [str, str, str, int]


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
