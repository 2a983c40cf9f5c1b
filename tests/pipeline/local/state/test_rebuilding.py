"""What was saved comes back when the database is damaged, deleted, or emptied."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.errors import StateError
from pipeline.local.state.journal import DEFINITION, NAME, Journal, journal_of
from pipeline.local.state.rebuilding import rebuild, write_journals
from pipeline.local.state.resources import Resources
from pipeline.local.state.schema import tables_of, tables_of_version
from pipeline.local.state.state_dir import Home
from pipeline.local.state.store import Store
from tests.folders import contents
from tests.pipeline.local.kept_state import execution, make_state, state_of


@pytest.fixture
def home(tmp_path: Path) -> Home:
    opened = Home.open(tmp_path / "state")
    make_state(opened)
    return opened


def make_older(connection: sqlite3.Connection) -> None:
    """Make a database what version 2 of the tables would have."""
    for table, columns in tables_of_version(2).items():
        for column in tables_of(connection)[table]:
            if column not in columns:
                connection.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
    for table in ("buckets", "keys", "decisions", "resources"):
        connection.execute(f"DROP TABLE {table}")
    connection.execute("PRAGMA user_version = 2")


def delete(home: Home) -> None:
    home.database.unlink()


def empty(home: Home) -> None:
    home.database.write_bytes(b"")


def without_tables(home: Home) -> None:
    home.database.unlink()
    with closing(sqlite3.connect(home.database)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")


def overwrite(home: Home) -> None:
    home.database.write_bytes(b"not a database, but long enough to look like one" * 100)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (delete, r"is missing, but there are 3 executions and stored objects beside it"),
        (empty, r"is empty, but there are 3 executions and stored objects beside it"),
        (without_tables, r"is empty, but there are 3 executions"),
        (overwrite, r"file is not a database"),
    ],
)
def test_a_lost_database_is_refused_and_comes_back(
    home: Home, spoil: Callable[[Home], None], said: str
) -> None:
    before = state_of(home)
    spoil(home)
    spoilt = contents(home.root)

    with pytest.raises(StateError, match=f"{said}.*python -m pipeline rebuild"):
        Store(home)
    found = rebuild(home)

    assert found.faults == []
    assert state_of(home) == before
    assert found.aside is not None
    for name, content in spoilt.items():
        if name.startswith("state.sqlite3") and not name.endswith("-shm"):
            assert (found.aside / name).read_bytes() == content
    assert list(home.temporary.iterdir()) == []


def test_a_sound_state_is_the_same_after_it_is_rebuilt_and_again(home: Home) -> None:
    before = state_of(home)
    places = {rebuild(home).aside for _ in range(3)}
    assert state_of(home) == before
    assert places == {home.root / "damaged" / number for number in "123"}


def test_damaged_lines_of_journals_are_said_and_the_database_has_the_rest(home: Home) -> None:
    before = state_of(home)
    for file in (home.root / NAME, home.execution("exec00000001") / NAME):
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 1
        file.write_bytes(content)

    faults = rebuild(home).faults

    assert [str(home.root / NAME) in faults[0], "exec00000001" in faults[1]] == [True, True]
    assert all("line" in fault and "is damaged" in fault for fault in faults[:2])
    assert state_of(home) == before


def test_an_execution_whose_journal_is_lost_comes_from_the_database_and_gets_one(home: Home) -> None:
    before = state_of(home)
    shutil.rmtree(home.execution("exec00000001"))
    assert rebuild(home).faults == []
    assert state_of(home) == before
    delete(home)
    rebuild(home)
    assert state_of(home) == before


def test_of_two_records_of_an_execution_the_later_one_counts(home: Home) -> None:
    """The database was put back from a copy; the journal went on."""
    copy = home.database.read_bytes()
    later = replace(execution(0), status="Succeeded", ended_at=5000.0)
    steps = tuple(replace(step, status="Succeeded", started_at=1.0, ended_at=2.0) for step in later.steps)
    later = replace(later, steps=steps)
    with Store(home) as store:
        store.save_execution(later, "{}")
    home.database.write_bytes(copy)
    rebuild(home)
    with Store(home) as store:
        assert store.load_execution("exec00000000") == later


def test_folders_without_a_journal_are_named(home: Home) -> None:
    delete(home)
    (home.execution("exec00000001") / NAME).unlink()
    (home.execution("exec00000002") / DEFINITION).unlink()
    found = rebuild(home)
    assert found.faults == [
        f"{home.execution('exec00000001')} has no journal: only its logs and its report are left."
    ]
    assert [kept.definition is None for kept in found.executions.values()] == [False, True]


def test_a_state_of_a_version_without_journals_gets_them(home: Home) -> None:
    before = state_of(home)
    for file in [*home.root.rglob(NAME), *home.root.rglob(DEFINITION)]:
        file.unlink()
    with Store(home) as store:
        write_journals(home, store)
    delete(home)
    assert rebuild(home).faults == []
    assert state_of(home) == before


def test_an_older_version_that_is_damaged_is_read_row_by_row(home: Home) -> None:
    """Version 2 had neither journals nor checksums."""
    before = state_of(home)
    for file in [*home.root.rglob(NAME), *home.root.rglob(DEFINITION)]:
        file.unlink()
    with closing(sqlite3.connect(home.database)) as connection, connection:
        make_older(connection)
        assert tables_of(connection) == tables_of_version(2)
        damage = "UPDATE executions SET record = 'x' WHERE id = 'exec00000001'"
        connection.execute(damage)

    faults = rebuild(home).faults

    assert faults == [
        f"{home.execution('exec00000001')} has no journal: only its logs and its report are left."
    ]
    after = state_of(home)
    assert [record.execution_id for record in after["executions"]] == ["exec00000002", "exec00000000"]
    for key in ("definitions", "objects", "packages", "groups", "cache"):
        assert after[key] == before[key]


def test_an_older_version_is_brought_up_to_date_and_checked_from_then_on(home: Home) -> None:
    before = state_of(home)
    with closing(sqlite3.connect(home.database)) as connection, connection:
        make_older(connection)
    after = state_of(home)
    # What it had not yet.
    newer = {"buckets": {"bucket": None}, "entries": after["entries"], "keys": [], "decisions": []}
    assert after == {**before, **newer}


def test_a_half_written_line_spoils_no_other(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "deep" / NAME)
    journal.add(['["a"]'])
    journal.path.write_bytes(journal.path.read_bytes() + b"0123 [")
    journal.add(['["b"]', '["c"]'])
    faults: list[str] = []
    assert list(journal.read(faults)) == [["a"], ["b"], ["c"]]
    assert len(faults) == 1


def test_what_the_disk_does_not_take_is_written_with_the_next_line(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "deep" / NAME)
    (tmp_path / "deep").write_text("a file in its place")
    journal.add(['["a"]'])
    (tmp_path / "deep").unlink()
    journal.add(['["b"]'])
    assert list(journal.read([])) == [["a"], ["b"]]


def test_a_database_that_is_deleted_during_a_run_is_noticed_at_the_next_change(home: Home) -> None:
    record = execution(9)
    with Store(home) as store:
        store.save_execution(record, "{}")
        for path in home.root.glob("state.sqlite3*"):
            path.unlink()
        with pytest.raises(
            StateError, match=r"was deleted or replaced while.*pipeline rebuild.*pipeline resume"
        ):
            store.save_execution(replace(record, failure_reason="later"), "{}")
    rebuild(home)
    with Store(home) as store:
        assert store.load_execution(None) == record
    assert journal_of(home).path.exists()


def test_what_the_api_remembers_comes_back_in_its_order(home: Home) -> None:
    with Store(home) as store:
        resources = Resources(store)
        resources.put(
            ("pipeline", "b", {"A": 1}), ("pipeline", "a", {"A": 2}), ("tags", "a", {"“größer”": "x"})
        )
        resources.put(("pipeline", "b", {"A": 3}), ("pipeline", "gone", {}))
        resources.delete(("pipeline", "gone"))
    home.database.unlink()
    rebuild(home)
    with Store(home) as store:
        assert list(Resources(store).all("pipeline").items()) == [("b", {"A": 3}), ("a", {"A": 2})]
        assert Resources(store).all("tags") == {"a": {"“größer”": "x"}}
        with store.database.transaction() as connection:
            connection.execute("UPDATE resources SET record = '{}' WHERE kind = 'tags'")
        with pytest.raises(StateError, match="The tags a cannot be read"):
            Resources(store).all("tags")
