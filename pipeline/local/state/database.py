"""The SQLite file of the state folder: opening it, its tables, one transaction at a time, and faults in words."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipeline.errors import StateError
from pipeline.local.state.command_on import command_on
from pipeline.local.state.schema import SCHEMA_VERSION, tables_of, tables_of_version, teach_checksum, upgrade

# Writers take milliseconds; one that takes this long hangs.
_BUSY_SECONDS = 30.0
_DAMAGED = ("SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_FORMAT")
# Bugs of ours, in a sound file.
_MAY_BE_DAMAGE = ("", "SQLITE_ERROR", "SQLITE_TOOBIG", "SQLITE_MISMATCH", "SQLITE_INTERNAL")


class Database:
    """One connection, used by one thread at a time; other processes may read while it writes."""

    def __init__(self, path: Path, beside: Callable[[], str | None] = lambda: None) -> None:
        """Open the database at `path`, or create it.

        `beside` says what lies in the state folder that a database must know of; None: nothing, it may be new.

        Raises:
            StateError: it is damaged, missing, of a newer version, or cannot be read or written.
        """
        self.path = path
        self._lock = threading.RLock()
        size = path.stat().st_size if path.exists() else None
        if not size and (lost := beside()):
            how = "missing" if size is None else "empty"
            raise StateError(
                f"The state database {path} is {how}, but there are {lost} beside it. {self.remedy}"
            )
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
                teach_checksum(self._connection)
                # A damaged text is found by its checksum; no single one must stop the reading of the others.
                self._connection.text_factory = lambda text: text.decode(errors="replace")
            self._file = self._identity()
            self._create(beside)
        except BaseException:
            self._connection.close()
            raise

    @property
    def remedy(self) -> str:
        """What to do when the file is damaged, in a sentence."""
        return (
            "Put the state together again from what lies in the folder (the damaged file is kept): "
            + command_on(self.path.parent, "rebuild")
        )

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """A write transaction: all of the block or nothing. Raises StateError when the file fails or is gone."""
        with self._lock, self._faults("writing"):
            if self._identity() != self._file:
                # SQLite would go on writing to the deleted file, and all of it would be gone in the end.
                raise StateError(
                    f"The state database {self.path} was deleted or replaced while a command was using it. "
                    f"{self.remedy}, then go on with: {command_on(self.path.parent, 'resume')}"
                )
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

    def damage(self) -> str | None:
        """What SQLite finds wrong with the file, after reading all of it; None when it is sound."""
        with self._lock:
            try:
                found = self._connection.execute("PRAGMA integrity_check(1)").fetchall()
            except sqlite3.DatabaseError as error:
                return str(error)
        return None if found == [("ok",)] else str(found[0][0]).replace("\n", " ")

    def _identity(self) -> tuple[int, int] | None:
        """Which file now has the path."""
        try:
            status = self.path.stat()
        except OSError:
            return None
        return status.st_dev, status.st_ino

    def _create(self, beside: Callable[[], str | None]) -> None:
        """Create the tables, or bring those of an older version up to date."""
        version = self._version()
        if version < SCHEMA_VERSION:
            if version == 0 and (lost := beside()):
                raise StateError(
                    f"The state database {self.path} is empty, but there are {lost} beside it. {self.remedy}"
                )
            with self.transaction() as connection:
                # Another process may have created the tables while this one waited: the version is read again.
                version = self._version()
                self._check_tables(version)
                upgrade(connection, version)
                if version < SCHEMA_VERSION:
                    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        version = self._version()
        if version > SCHEMA_VERSION:
            raise StateError(
                f"Could not open the state database {self.path}: it has version {version}, written by a "
                f"newer version of this project (this one reads up to {SCHEMA_VERSION}). Update the project, "
                "or set FASHION_HOME to another folder."
            )
        self._check_tables(version)

    def _check_tables(self, version: int) -> None:
        """Raises StateError unless the file has the tables of its version: what fails later is a bug of ours."""
        with self._lock, self._faults("opening"):
            found = tables_of(self._connection)
        wanted = tables_of_version(version)
        wrong = sorted(name for name in {*found, *wanted} if found.get(name) != wanted.get(name))
        if wrong:
            raise StateError(
                f"Could not read the state database {self.path}: it is damaged (tables: {', '.join(wrong)}). "
                f"{self.remedy}"
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
                f"{doing.capitalize()} the state database {self.path} failed: {error} ({name}). {advice}"
            ) from error

    def _advice(self, name: str) -> str | None:
        """What to do about an SQLite error (its extended names begin with the primary ones); None for our bugs."""
        if name.startswith(_DAMAGED) or (name in _MAY_BE_DAMAGE and self.damage() is not None):
            return f"The file is damaged. {self.remedy}"
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
