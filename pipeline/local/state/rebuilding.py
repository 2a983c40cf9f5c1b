"""Puts the state database together again: from the journals, and from what can still be read of the old database.

Nothing is deleted: the old database and journal are kept below `damaged/`.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.errors import StateError
from pipeline.execution import ExecutionRecord, StepRecord
from pipeline.local.state.database import Database
from pipeline.local.state.decisions import is_key_row
from pipeline.local.state.journal import (
    DEFINITION,
    journal_of,
    journal_of_execution,
    keep_definition,
    line_of,
    lines_of_execution,
)
from pipeline.local.state.objects import is_object_row
from pipeline.local.state.rows import (
    UnsoundError,
    execution_of,
    read_execution,
    read_numbers,
    step_of,
    to_text,
)
from pipeline.local.state.schema import checksum, is_sound, view_as_new
from pipeline.local.state.state_dir import Home, scratch_owner
from pipeline.local.state.store import Store

_OLD = ("state.sqlite3", "state.sqlite3-wal", "state.sqlite3-shm", "state.sqlite3-journal", "journal.jsonl")
_TABLES = {
    "bucket": ("buckets", "name, versioning"),
    "object": ("objects", "bucket, key, sha256, size, etag, modified, details"),
    "cache": ("cache", "key, execution, recorded_at, properties, outputs, crc"),
    "key": ("keys", "key, document"),
    "decision": ("decisions", "execution, step, decided_at, key, verdict, detail, crc"),
    "group": ("package_groups", "name, record, crc"),
    "package": ("packages", "arn, record, crc"),
    "resource": ("resources", "kind, name, record, crc"),
}
# An object and a key are checked by the digests of their contents.
_UNCHECKED = ("bucket", "object", "key")
# How many columns say which row it is, where that is not one.
_LENGTHS = {"object": 2, "decision": 2, "resource": 2}


@dataclass(frozen=True)
class Kept:
    """An execution that was found, with its number of starting and its definition; None: unknown."""

    record: ExecutionRecord
    number: int | None
    definition: str | None

    @property
    def progress(self) -> tuple[bool, int, int]:
        """Of two records of one execution the later one has more of this."""
        steps = self.record.steps
        ended = sum(step.ended_at is not None for step in steps)
        return self.record.ended_at is not None, ended, sum(step.attempts for step in steps)


@dataclass
class Found:
    """All that was found. `rows` are those of the tables of _TABLES, by kind and key."""

    executions: dict[str, Kept] = field(default_factory=dict)
    rows: dict[str, dict[tuple[Any, ...], tuple[Any, ...]]] = field(
        default_factory=lambda: {kind: {} for kind in _TABLES}
    )
    faults: list[str] = field(default_factory=list)
    aside: Path | None = None

    def add_execution(self, kept: Kept) -> None:
        """Take an execution, unless what is known of it is as late."""
        known = self.executions.get(kept.record.execution_id)
        if known is None or kept.progress > known.progress:
            self.executions[kept.record.execution_id] = kept


def rebuild(home: Home) -> Found:
    """Make the database anew; for who holds the state folder alone. Raises StateError when it cannot be written."""
    found = Found()
    _read_journal(home, found)
    lost = {}
    for folder in sorted(home.executions.iterdir()) if home.executions.is_dir() else ():
        if scratch_owner(folder.name):  # `prune` was about to remove what is in it.
            continue
        kept = _read_folder(home, folder, found.faults)
        if isinstance(kept, Kept):
            found.add_execution(kept)
        else:
            lost[folder.name] = kept
    _read_database(home, found)
    found.faults += [said for name, said in lost.items() if name not in found.executions]
    new = home.scratch("state.sqlite3")
    try:
        with closing(Database(new)) as database:
            _write(database, found)
        found.aside = _move_aside(home)
        new.replace(home.database)
    finally:
        for suffix in ("", "-wal", "-shm"):
            new.with_name(f"{new.name}{suffix}").unlink(missing_ok=True)
    with Store(home) as store:
        write_journals(home, store)
    return found


def write_journals(home: Home, store: Store) -> None:
    """Write journals from the database unless the folder has one: its version had none, or it is just rebuilt."""
    journal = journal_of(home)
    if journal.path.exists():
        return
    numbers = dict(store.database.rows("SELECT id, number FROM executions"))
    for record in store.executions():
        own = journal_of_execution(home, record.execution_id)
        steps = list(enumerate(map(to_text, record.steps)))
        own.add(lines_of_execution(numbers[record.execution_id], to_text(record), len(steps), steps))
        with suppress(StateError):  # Its definition is damaged, which it says where that is asked for.
            keep_definition(own, store.definition_text(record.execution_id))
    journal.add(journal_lines(store))


def journal_lines(store: Store) -> list[str]:
    """The lines of a journal that says what the database says, but for the executions; at least one."""
    lines: list[str] = []
    for kind, (table, columns) in _TABLES.items():
        rows = store.database.rows(f"SELECT {columns} FROM {table}")
        lines += [_line(kind, row) for row in rows if kind in _UNCHECKED or is_sound(row)]
    return lines or [line_of("begin")]


def _line(kind: str, row: tuple[Any, ...]) -> str:
    values = row if kind in _UNCHECKED else row[:-1]
    if kind in ("group", "package"):
        return line_of(kind, values[0], json.loads(values[1]))
    return line_of(kind, *values)


def _read_journal(home: Home, found: Found) -> None:
    """What the journal of the state folder says, line after line."""
    for value in journal_of(home).read(found.faults):
        match value:
            case ["bucket", name, versioning]:
                found.rows["bucket"][name,] = (name, versioning)
            case ["gone bucket", name]:
                found.rows["bucket"].pop((name,), None)
            case ["object", bucket, key, *more] if is_object_row((bucket, key, *more[:2])) and len(more) == 5:
                found.rows["object"][bucket, key] = (bucket, key, *more)
            case ["forgotten", bucket, key]:
                found.rows["object"].pop((bucket, key), None)
            case ["cache", *row] if len(row) == 5:
                found.rows["cache"][row[0],] = (*row, checksum(*row))
            case ["key", key, document] if is_key_row((key, document)):
                found.rows["key"][key,] = (key, document)
            case ["decision", *row] if len(row) == 6:
                found.rows["decision"][row[0], row[1]] = (*row, checksum(*row))
            case ["resource", *row] if len(row) == 3:
                found.rows["resource"][row[0], row[1]] = (*row, checksum(*row))
            case ["gone resource", kind, name]:
                found.rows["resource"].pop((kind, name), None)
            case [("group" | "package") as kind, name, record]:
                text = json.dumps(record)
                found.rows[kind][name,] = (name, text, checksum(name, text))


def _read_folder(home: Home, folder: Path, faults: list[str]) -> Kept | str:
    """The execution that the journal in its folder tells of; a sentence when there is none or it cannot be read."""
    head: dict[str, Any] | None = None
    steps: dict[int, StepRecord] = {}
    try:
        for value in journal_of_execution(home, folder.name).read(faults):
            if "execution" in value:
                head = value
            else:
                steps[value["step"]] = step_of(json.dumps(value["record"]))
        if head is None:
            return f"{folder} has no journal: only its logs and its report are left."
        listed = tuple(steps[position] for position in range(head["steps"]))
        record = execution_of(json.dumps(head["execution"]), listed)
        if record.execution_id != folder.name:
            raise UnsoundError(f"it is that of execution {record.execution_id}")
    except (UnsoundError, KeyError, TypeError) as error:
        return f"The journal in {folder} is damaged ({error}): only logs and report are left."
    try:
        definition = (folder / DEFINITION).read_text(encoding="utf-8")
    except (OSError, ValueError):
        definition = None
    return Kept(record, head.get("number"), definition)


def _read_database(home: Home, found: Found) -> None:
    """What can still be read of the old database, row by row."""
    if not home.database.is_file():
        return
    with closing(sqlite3.connect(home.database)) as connection:
        connection.text_factory = lambda text: text.decode(errors="replace")
        with suppress(sqlite3.DatabaseError):
            view_as_new(connection)
        for kind, (table, columns) in _TABLES.items():
            known = found.rows[kind]
            length = _LENGTHS.get(kind, 1)
            for row in _rows(connection, f"SELECT {columns} FROM {table}"):
                if _is_whole(kind, row):
                    known.setdefault(row[:length], row)
        # An execution that this leaves out has a folder, and is known or named by that.
        for number in read_numbers(connection)[0]:
            try:
                record = read_execution(connection, number)
                sql = "SELECT text FROM definitions JOIN executions ON definition = sha256 WHERE number = ?"
                texts = [str(text) for (text,) in _rows(connection, sql, number)]
                found.add_execution(Kept(record, number, texts[0] if texts else None))
            except (UnsoundError, sqlite3.DatabaseError):
                continue  # Its journal is what there is of it.


def _is_whole(kind: str, row: tuple[Any, ...]) -> bool:
    """Whether a row of the old database is what was written."""
    match kind:
        case "bucket":
            return True
        case "object":
            return is_object_row(row[:4])
        case "key":
            return is_key_row(row)
        case _:
            return is_sound(row)


def _rows(connection: sqlite3.Connection, sql: str, *parameters: object) -> Iterator[tuple[Any, ...]]:
    """The rows of a query, as far as they can be read."""
    try:
        yield from connection.execute(sql, parameters)
    except sqlite3.DatabaseError:
        return


def _write(database: Database, found: Found) -> None:
    """Fill a new database."""
    with database.transaction() as connection:
        for kind, (table, columns) in _TABLES.items():
            rows: Iterable[tuple[Any, ...]] = found.rows[kind].values()
            if kind == "package":
                rows = sorted(rows, key=lambda row: str(json.loads(row[1]).get("CreationTime")))
            marks = ", ".join("?" * len(columns.split(",")))
            connection.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", rows)
        connection.execute("INSERT OR IGNORE INTO buckets (name) SELECT DISTINCT bucket FROM objects")
        for kept in sorted(found.executions.values(), key=_order):
            _write_execution(connection, kept)


def _order(kept: Kept) -> tuple[bool, int, float]:
    """For sorting executions as they were started."""
    return kept.number is None, kept.number or 0, kept.record.started_at


def _write_execution(connection: sqlite3.Connection, kept: Kept) -> None:
    definition = kept.definition or ""
    digest = hashlib.sha256(definition.encode()).hexdigest()
    record, text = kept.record, to_text(kept.record)
    connection.execute("INSERT OR IGNORE INTO definitions VALUES (?, ?)", (digest, definition))
    row = (record.execution_id, digest, text)
    connection.execute(
        "INSERT INTO executions (id, definition, record, crc) VALUES (?, ?, ?, ?)",
        (*row, checksum(*row, len(record.steps))),
    )
    steps = [(record.execution_id, position, to_text(step)) for position, step in enumerate(record.steps)]
    connection.executemany(
        "INSERT INTO steps VALUES (?, ?, ?, ?)", [(*step, checksum(*step)) for step in steps]
    )


def _move_aside(home: Home) -> Path | None:
    """Move the old files below damaged/; returns the folder, None when there were none."""
    old = [path for name in _OLD if (path := home.root / name).exists()]
    if not old:
        return None
    for number in itertools.count(1):
        folder = home.root / "damaged" / str(number)
        if not folder.exists():
            folder.mkdir(parents=True)
            for path in old:
                path.rename(folder / path.name)
            return folder
    raise AssertionError("count() ends")
