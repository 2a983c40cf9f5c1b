"""The SQLite file of the state folder: opening it, its tables, one transaction at a time, and faults in words."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipeline.errors import StateError

# What leads from each schema version to the next; the version is how many of them a file has had.
_UPGRADES = (
    """
CREATE TABLE definitions (sha256 TEXT PRIMARY KEY, text TEXT NOT NULL);
CREATE TABLE executions (
  number INTEGER PRIMARY KEY AUTOINCREMENT,  -- the order of starting, whatever the clock did
  id TEXT NOT NULL UNIQUE,
  definition TEXT NOT NULL REFERENCES definitions (sha256),
  record TEXT NOT NULL                       -- JSON of ExecutionRecord without its steps
);
CREATE TABLE steps (
  execution TEXT NOT NULL REFERENCES executions (id),
  position INTEGER NOT NULL,
  record TEXT NOT NULL,                      -- JSON of StepRecord
  PRIMARY KEY (execution, position)
) WITHOUT ROWID;
CREATE TABLE objects (
  bucket TEXT NOT NULL, key TEXT NOT NULL, sha256 TEXT NOT NULL, size INTEGER NOT NULL,
  PRIMARY KEY (bucket, key)
) WITHOUT ROWID;
CREATE TABLE package_groups (name TEXT PRIMARY KEY, record TEXT NOT NULL);
CREATE TABLE packages (number INTEGER PRIMARY KEY AUTOINCREMENT, arn TEXT NOT NULL UNIQUE, record TEXT NOT NULL);
""",
    """
CREATE TABLE cache (                         -- the latest result of every job, by what decided it (cache.py)
  key TEXT PRIMARY KEY,
  execution TEXT NOT NULL,
  recorded_at REAL NOT NULL,
  properties TEXT NOT NULL,                  -- JSON of its Describe response
  outputs TEXT NOT NULL                      -- JSON of [bucket, key, sha256, size] of every object it wrote
) WITHOUT ROWID;
CREATE TABLE compiled (                      -- definitions of this project, by what they were compiled from
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  inputs TEXT NOT NULL UNIQUE,
  text TEXT NOT NULL,
  code TEXT NOT NULL                         -- JSON of [bucket, key, sha256, size] of the code that it names
);
""",
    """
ALTER TABLE objects ADD COLUMN etag TEXT;
ALTER TABLE objects ADD COLUMN modified REAL NOT NULL DEFAULT 0;
-- JSON of what else S3 tells of it: metadata, tags (stored_key.py)
ALTER TABLE objects ADD COLUMN details TEXT;
CREATE TABLE buckets (
  name TEXT PRIMARY KEY,
  versioning TEXT                            -- as GetBucketVersioning tells it
) WITHOUT ROWID;
INSERT INTO buckets (name) SELECT DISTINCT bucket FROM objects;
""",
)
SCHEMA_VERSION = len(_UPGRADES)
# Writers take milliseconds; one that takes this long hangs.
_BUSY_SECONDS = 30.0
_DAMAGED = ("SQLITE_CORRUPT", "SQLITE_NOTADB")


class Database:
    """One connection, used by one thread at a time; other processes may read while it writes."""

    def __init__(self, path: Path) -> None:
        """Open the database at `path`, or create it.

        Raises:
            StateError: it is damaged, of a newer version, or cannot be read or written.
        """
        self.path = path
        self._lock = threading.RLock()
        with self._faults("opening"):
            self._connection = sqlite3.connect(
                path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
        try:
            with self._faults("opening"):
                # With a write-ahead log readers do not wait for the writer. At NORMAL a power failure may take the
                # last transactions but not the file's integrity; a killed process takes nothing.
                self._connection.execute("PRAGMA journal_mode = WAL")
                self._connection.execute("PRAGMA synchronous = NORMAL")
                self._connection.execute("PRAGMA foreign_keys = ON")
            self._create()
        except BaseException:
            self._connection.close()
            raise

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """A write transaction: all of the block or nothing of it. Raises StateError when the file fails."""
        with self._lock, self._faults("writing"):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                # SQLite has rolled back by itself after some faults, such as a full disk.
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    @contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """A read transaction: all queries of the block see one state. Raises StateError when the file fails."""
        with self._lock, self._faults("reading"):
            self._connection.execute("BEGIN")
            try:
                yield self._connection
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")

    def rows(self, sql: str, parameters: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
        """The rows of one query. Raises StateError when the file fails."""
        with self._lock, self._faults("reading"):
            return self._connection.execute(sql, parameters).fetchall()

    def _create(self) -> None:
        """Create the tables, or bring those of an older version up to date."""
        if self._version() < SCHEMA_VERSION:
            with self.transaction() as connection:
                # Another process may have created the tables while this one waited: the version is read again.
                for upgrade in _UPGRADES[self._version() :]:
                    for statement in upgrade.split(";\n"):
                        connection.execute(statement)
                if self._version() < SCHEMA_VERSION:
                    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        version = self._version()
        if version > SCHEMA_VERSION:
            raise StateError(
                f"Opening the state database {self.path}: expected schema version {SCHEMA_VERSION} or older. "
                f"Received: version {version}, written by a newer version of this project. Update the project, or "
                "set FASHION_HOME to another folder."
            )

    def _version(self) -> int:
        version: int = self.rows("PRAGMA user_version")[0][0]
        return version

    @contextmanager
    def _faults(self, doing: str) -> Iterator[None]:
        """Turns what SQLite says about the file or the disk into a StateError; a wrong statement stays a bug."""
        try:
            yield
        except sqlite3.DatabaseError as error:
            name = getattr(error, "sqlite_errorname", "")
            advice = self._advice(name)
            if advice is None:
                raise
            raise StateError(
                f"{doing.capitalize()} the state database {self.path}: expected it to work. "
                f"Received: {error} ({name}). {advice}"
            ) from error

    def _advice(self, name: str) -> str | None:
        """What to do about an SQLite error (its extended names begin with the primary ones); None for our bugs."""
        if name.startswith(_DAMAGED):
            aside = self.path.parent / "damaged"
            return (
                f"The file is damaged. Move it away with: mkdir -p '{aside}' && mv '{self.path}'* '{aside}/' . "
                "Executions and the local model registry then begin anew; logs and reports stay in the folder."
            )
        if name.startswith("SQLITE_FULL"):
            return "The disk is full: free some space and try again; what was saved before is intact."
        if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM", "SQLITE_AUTH")):
            return (
                "Check who owns the file and its folder, and that you may write there, or set FASHION_HOME."
            )
        if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_PROTOCOL")):
            return f"Another process has held it for {_BUSY_SECONDS:.0f} s: end that process and try again."
        if name.startswith(("SQLITE_IOERR", "SQLITE_NOLFS", "SQLITE_NOMEM")):
            return "Check the disk and its free space; on a network disk set FASHION_HOME to a local folder."
        return None
