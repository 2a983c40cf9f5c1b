"""What the local target remembers of its executions, in the state folder's SQLite file."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from pipeline.errors import StateError, UsageError
from pipeline.execution import EXECUTION_ENDS, ExecutionRecord, StepRecord
from pipeline.local.database import Database
from pipeline.local.home import Home

_LISTED_IN_ERRORS = 5


class Store:
    """Executions, written by one process and readable by others meanwhile. Usable from several threads."""

    def __init__(self, home: Home) -> None:
        """Open the state of `home`; close it with `close` or a with-block.

        Raises:
            StateError: the database is damaged, of a newer version, or cannot be read or written.
        """
        self.database = Database(home.database)
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
            changed = [
                (position, step)
                for position, step in enumerate(record.steps)
                if position >= len(known) or (step is not known[position] and step != known[position])
            ]
            with self.database.transaction() as connection:
                if saved is None:
                    digest = hashlib.sha256(definition_text.encode()).hexdigest()
                    connection.execute(
                        "INSERT OR IGNORE INTO definitions VALUES (?, ?)", (digest, definition_text)
                    )
                    connection.execute(
                        "INSERT INTO executions (id, definition, record) VALUES (?, ?, ?)"
                        " ON CONFLICT (id) DO UPDATE SET record = excluded.record",
                        (record.execution_id, digest, _to_json(record, without="steps")),
                    )
                else:
                    connection.execute(
                        "UPDATE executions SET record = ? WHERE id = ?",
                        (_to_json(record, without="steps"), record.execution_id),
                    )
                connection.executemany(
                    "INSERT OR REPLACE INTO steps VALUES (?, ?, ?)",
                    [(record.execution_id, position, _to_json(step)) for position, step in changed],
                )
                if saved is None or len(known) > len(record.steps):
                    connection.execute(
                        "DELETE FROM steps WHERE execution = ? AND position >= ?",
                        (record.execution_id, len(record.steps)),
                    )
            self._saved[record.execution_id] = record

    def load_execution(self, execution_id: str | None = None) -> ExecutionRecord:
        """The execution whose id is or uniquely begins with `execution_id`; None: the newest.

        Raises:
            UsageError: there is none, or more than one.
            StateError: the database fails.
        """
        full_id = self._find(execution_id)
        return self._load("WHERE id = ?", (full_id,))[0]

    def definition_text(self, execution_id: str) -> str:
        """The compiled definition that the execution ran; errors as for load_execution.

        Raises:
            StateError: besides, the stored definition is not the one that ran.
        """
        full_id = self._find(execution_id)
        sql = "SELECT sha256, text FROM definitions JOIN executions ON definition = sha256 WHERE id = ?"
        found = self.database.rows(sql, (full_id,))
        if not found or hashlib.sha256(str(found[0][1]).encode(errors="replace")).hexdigest() != found[0][0]:
            raise StateError(
                f"The definition of execution {full_id} in {self.database.path} is damaged: it is "
                f"{'missing' if not found else 'not the one that ran'}. Start a new execution with: "
                "python -m pipeline run"
            )
        return str(found[0][1])

    def executions(self) -> list[ExecutionRecord]:
        """All executions, newest first. Raises StateError when the database fails."""
        return self._load("", ())

    def under_way(self) -> list[ExecutionRecord]:
        """The executions that are said to be under way, newest first. Raises StateError when the database fails."""
        ends = sorted(EXECUTION_ENDS)
        marks = ", ".join("?" * len(ends))
        return self._load(f"WHERE json_extract(record, '$.status') NOT IN ({marks})", tuple(ends))

    def _load(self, where: str, parameters: tuple[object, ...]) -> list[ExecutionRecord]:
        steps: dict[str, list[StepRecord]] = {}
        with self.database.snapshot() as connection:
            executions = connection.execute(
                f"SELECT id, record FROM executions {where} ORDER BY number DESC", parameters
            ).fetchall()
            for execution_id, _ in executions:
                rows = connection.execute(
                    "SELECT record FROM steps WHERE execution = ? ORDER BY position", (execution_id,)
                )
                steps[execution_id] = [StepRecord(**json.loads(row)) for (row,) in rows]
        return [
            ExecutionRecord(**json.loads(record), steps=tuple(steps[execution_id]))
            for execution_id, record in executions
        ]

    def _find(self, execution_id: str | None) -> str:
        """The full id of the execution meant."""
        ids: list[str] = [
            row[0] for row in self.database.rows("SELECT id FROM executions ORDER BY number DESC")
        ]
        doing = f"Looking up an execution in {self.database.path}"
        if not ids:
            raise UsageError(f"{doing}: there is none yet. Start one with: python -m pipeline run")
        if execution_id is None or execution_id in ids:
            return execution_id or ids[0]
        found = [known for known in ids if execution_id and known.startswith(execution_id)]
        if len(found) == 1:
            return found[0]
        listed = found or ids
        names = ", ".join(listed[:_LISTED_IN_ERRORS]) + (", …" if len(listed) > _LISTED_IN_ERRORS else "")
        expected = (
            f"more of the id, to tell apart {names}" if found else f"an id or the beginning of one of {names}"
        )
        raise UsageError(
            f"{doing}: expected {expected}. Received: {execution_id!r}. "
            "List them with: python -m pipeline executions"
        )


def _to_json(record: ExecutionRecord | StepRecord, without: str | None = None) -> str:
    # Not dataclasses.asdict: it copies whole Describe responses, and fails on read-only mappings.
    values = {field.name: getattr(record, field.name) for field in fields(record) if field.name != without}
    return json.dumps(values, default=_plain)


def _plain(value: Any) -> dict[Any, Any]:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"expected JSON values in an execution's record. Received: {value!r}")
