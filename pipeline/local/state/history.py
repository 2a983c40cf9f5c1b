"""Reads past executions without holding the state folder: one whose process died reads as what it is."""

from __future__ import annotations

from collections.abc import Callable

from pipeline.execution import ExecutionRecord
from pipeline.local.state.ending import as_it_is, is_under_way
from pipeline.local.state.lock import find_holder
from pipeline.local.state.state_dir import Home
from pipeline.local.state.store import Store


def read_executions(home: Home, store: Store, faults: list[str] | None = None) -> list[ExecutionRecord]:
    """All executions that can be read, newest first; a sentence for each that cannot is added to `faults`.

    Raises StateError when the database fails as a whole.
    """
    told: dict[str, None] = {}  # It may be read twice.
    records = _read(home, lambda: store.executions(lambda sentence: told.setdefault(sentence)))
    if faults is not None:
        faults += told
    return records


def read_execution(home: Home, store: Store, execution_id: str | None) -> ExecutionRecord:
    """The execution whose id is or uniquely begins with `execution_id`; None: the newest.

    Raises:
        UsageError: there is none, or more than one.
        StateError: the database fails.
    """
    return _read(home, lambda: [store.load_execution(execution_id)])[0]


def running_execution(home: Home) -> str | None:
    """The id of the execution that a process runs now; None when none does."""
    holder = find_holder(home)
    return None if holder is None else holder.execution


def _read(home: Home, load: Callable[[], list[ExecutionRecord]]) -> list[ExecutionRecord]:
    records = load()
    under_way = [record.execution_id for record in records if is_under_way(record)]
    if not under_way:
        return records
    holder = find_holder(home)
    if holder is not None and holder.serves:
        return records  # It put the folder in order when it began, and runs all of them.
    running = None if holder is None else holder.execution
    if under_way != [running]:
        # Its process died, or it ended just now: then it says so by now.
        records = load()
    return [as_it_is(record, running) for record in records]
