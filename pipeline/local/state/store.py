"""What the local target remembers of its executions, in the state folder's SQLite file."""

from __future__ import annotations

import hashlib
import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress

from pipeline.errors import StateError, UsageError
from pipeline.execution import EXECUTION_ENDS, ExecutionRecord, changed_places
from pipeline.local.state.database import Database
from pipeline.local.state.journal import (
    Journal,
    journal_of,
    journal_of_execution,
    keep_definition,
    lines_of_execution,
)
from pipeline.local.state.rows import UnsoundError, read_execution, read_numbers, to_text
from pipeline.local.state.schema import checksum
from pipeline.local.state.state_dir import Home
from pipeline.printable import printable

_LISTED_IN_ERRORS = 5
_UNREADABLE = (UnsoundError, sqlite3.DatabaseError)


class Store:
    """Executions, written by one process and readable by others meanwhile. Usable from several threads."""

    def __init__(self, home: Home) -> None:
        """Open the state of `home`; close it with `close` or a with-block.

        Raises:
            StateError: the database is damaged, of a newer version, or cannot be read or written.
        """
        self.database = Database(home.database, home.holds)
        self.journal = journal_of(home)
        self._home = home
        self._journals: dict[str, Journal] = {}
        self._saved: dict[str, ExecutionRecord] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the database."""
        self.database.close()

    def save_execution(self, record: ExecutionRecord, definition_text: str) -> None:
        """Write down `record`; only what changed since the last call is written, so its cost is that of the change.

        Parameters and properties must be JSON (no datetimes). `definition_text` is kept from the first call.

        Raises:
            StateError: the disk is full, or the database fails; what was saved before is intact.
        """
        with self._lock:
            saved = self._saved.get(record.execution_id)
            known = saved.steps if saved is not None else ()
            text = to_text(record)
            changed = [(place, to_text(record.steps[place])) for place in changed_places(record.steps, known)]
            with self.database.transaction() as connection:
                if saved is None:
                    digest = hashlib.sha256(definition_text.encode()).hexdigest()
                    connection.execute(
                        "INSERT OR IGNORE INTO definitions VALUES (?, ?)", (digest, definition_text)
                    )
                    # The definition is that of the first call.
                    connection.execute(
                        "INSERT OR IGNORE INTO executions (id, definition, record) VALUES (?, ?, '')",
                        (record.execution_id, digest),
                    )
                number = self._write(connection, record, text, changed)
                if saved is None or len(known) > len(record.steps):
                    connection.execute(
                        "DELETE FROM steps WHERE execution = ? AND position >= ?",
                        (record.execution_id, len(record.steps)),
                    )
                self._note(record, number, text, changed, definition_text if saved is None else None)
            self._saved[record.execution_id] = record

    def load_execution(self, execution_id: str | None = None) -> ExecutionRecord:
        """The execution whose id is or uniquely begins with `execution_id`; None: the newest.

        Raises:
            UsageError: there is none, or more than one.
            StateError: its record is damaged, or the database fails.
        """
        number, _ = self._find(execution_id)
        with self.database.snapshot() as connection:
            try:
                return read_execution(connection, number)
            except _UNREADABLE as error:
                raise StateError(self._tell(connection, number, error)) from error

    def definition_text(self, execution_id: str) -> str:
        """The compiled definition that the execution ran; errors as for load_execution.

        Raises:
            StateError: besides, the stored definition is not the one that ran.
        """
        number, full_id = self._find(execution_id)
        sql = "SELECT sha256, text FROM definitions JOIN executions ON definition = sha256 WHERE number = ?"
        found = self.database.rows(sql, (number,))
        if not found or hashlib.sha256(str(found[0][1]).encode(errors="replace")).hexdigest() != found[0][0]:
            raise StateError(
                f"The definition of execution {full_id} in {self.database.path} is damaged: it is "
                f"{'missing' if not found else 'not the one that ran'}. {self.database.remedy}"
            )
        return str(found[0][1])

    def executions(self, unreadable: Callable[[str], None] | None = None) -> list[ExecutionRecord]:
        """All executions that can be read, newest first; `unreadable` is told of each that cannot, in one sentence.

        Raises StateError when the database fails as a whole.
        """
        records = []
        with self.database.snapshot() as connection:
            numbers, fault = read_numbers(connection)
            for number in numbers:
                try:
                    records.append(read_execution(connection, number))
                except _UNREADABLE as error:
                    if unreadable is not None:
                        unreadable(self._tell(connection, number, error))
        if fault is not None and unreadable is not None:
            unreadable(
                f"The list of executions in {self.database.path} is damaged ({fault}). {self.database.remedy}"
            )
        return records

    def under_way(self) -> list[ExecutionRecord]:
        """The executions that are said to be under way, newest first. Raises StateError when the database fails."""
        # A record that is no JSON says nothing; json_extract would end the query.
        status = "CASE WHEN json_valid(record) THEN json_extract(record, '$.status') END"
        ends = sorted(EXECUTION_ENDS)
        marks = ", ".join("?" * len(ends))
        sql = f"SELECT number FROM executions WHERE {status} NOT IN ({marks}) ORDER BY number DESC"
        records = []
        with self.database.snapshot() as connection:
            for (number,) in connection.execute(sql, ends).fetchall():
                with suppress(*_UNREADABLE):
                    records.append(read_execution(connection, number))
        return records

    def _write(
        self, connection: sqlite3.Connection, record: ExecutionRecord, text: str, steps: list[tuple[int, str]]
    ) -> int:
        """Write the execution's own record, and those of `steps` with their positions; returns its number."""
        execution_id = record.execution_id
        sql = "SELECT number, definition FROM executions WHERE id = ?"
        ((number, definition),) = connection.execute(sql, (execution_id,)).fetchall()
        connection.execute(
            "UPDATE executions SET record = ?, crc = ? WHERE id = ?",
            (text, checksum(execution_id, definition, text, len(record.steps)), execution_id),
        )
        rows = [(execution_id, position, step) for position, step in steps]
        connection.executemany(
            "INSERT OR REPLACE INTO steps VALUES (?, ?, ?, ?)", [(*row, checksum(*row)) for row in rows]
        )
        return int(number)

    def _note(
        self,
        record: ExecutionRecord,
        number: int,
        text: str,
        steps: list[tuple[int, str]],
        definition: str | None,
    ) -> None:
        """Write the same to the execution's journal; `definition` is None but for the first time."""
        execution_id = record.execution_id
        if execution_id not in self._journals:
            self._journals[execution_id] = journal_of_execution(self._home, execution_id)
        journal = self._journals[execution_id]
        journal.add(lines_of_execution(number, text, len(record.steps), steps))
        if definition is not None:
            keep_definition(journal, definition)

    def _tell(self, connection: sqlite3.Connection, number: int, error: Exception) -> str:
        try:
            rows = connection.execute("SELECT id FROM executions WHERE number = ?", (number,)).fetchall()
        except sqlite3.DatabaseError:
            rows = []
        which = printable(str(rows[0][0])) if rows else f"number {number}"
        return f"Execution {which} cannot be read from {self.database.path}: {error}. {self.database.remedy}"

    def _find(self, execution_id: str | None) -> tuple[int, str]:
        """The number and the full id of the execution meant."""
        with self.database.snapshot() as connection:
            numbers, fault = read_numbers(connection)
            known = {}
            for number in numbers:
                with suppress(sqlite3.DatabaseError):
                    sql = "SELECT id FROM executions WHERE number = ?"
                    known.update({str(row[0]): number for row in connection.execute(sql, (number,))})
        ids = list(known)
        doing = f"Looking up an execution in {self.database.path}"
        if fault is not None and not ids:
            raise StateError(f"{doing}: the list of executions is damaged ({fault}). {self.database.remedy}")
        if not ids:
            raise UsageError(f"{doing}: there is none yet. Start one with: python -m pipeline run")
        if execution_id is None or execution_id in ids:
            return known[execution_id or ids[0]], execution_id or ids[0]
        found = [each for each in ids if execution_id and each.startswith(execution_id)]
        if len(found) == 1:
            return known[found[0]], found[0]
        listed = found or ids
        names = ", ".join(map(printable, listed[:_LISTED_IN_ERRORS]))
        names += ", …" if len(listed) > _LISTED_IN_ERRORS else ""
        problem = (
            f"{execution_id!r} fits {names}: give more of the id"
            if found
            else f"there is no {execution_id!r}, only {names}"
        )
        raise UsageError(f"{doing}: {problem}. List them with: python -m pipeline executions")
