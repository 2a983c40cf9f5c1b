import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pytest

from pipeline.errors import StateError, UsageError
from pipeline.execution import ExecutionRecord, StepRecord
from pipeline.local.state.state_dir import Home
from pipeline.local.state.store import Store

REPOSITORY = Path(__file__).parents[4]
STEPS = (
    StepRecord(
        "NormalizeData", "Processing", "Succeeded", 10.0, 12.5, attempts=1, properties={"A": {"b": [1, None]}}
    ),
    StepRecord(
        "Train-baseline-0", "Training", "Failed", 12.5, 13.0, failure_reason="exit status 1 — “größer”"
    ),
    StepRecord("QualityGate", "Condition"),
)
RECORD = ExecutionRecord(
    "e1abc", "fashion", "local", "Failed", {"Epochs": 3, "Rate": 0.5}, 9.0, 14.0, "why", STEPS
)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.open(tmp_path / "state")


def execution(execution_id: str, started_at: float = 1.0) -> ExecutionRecord:
    return replace(RECORD, execution_id=execution_id, started_at=started_at)


def test_an_execution_reads_back_as_it_was_saved_after_the_process(home: Home) -> None:
    with Store(home) as store:
        store.save_execution(RECORD, '{"Steps": []}')
    with Store(home) as store:
        assert store.load_execution() == RECORD
        assert store.load_execution("e1abc") == RECORD
        assert store.executions() == [RECORD]
        assert store.definition_text("e1") == '{"Steps": []}'


def test_saving_writes_only_the_steps_that_changed(home: Home) -> None:
    steps = tuple(StepRecord(f"s{number}", "Processing") for number in range(200))
    record = replace(RECORD, steps=steps)
    with Store(home) as store:

        def rows_written() -> int:
            with store.database.transaction() as connection:
                return connection.total_changes

        store.save_execution(record, "{}")
        before = rows_written()
        changed = replace(steps[7], status="Executing", started_at=3.0)
        record = replace(record, status="Executing", steps=(*steps[:7], changed, *steps[8:]))
        store.save_execution(record, "{}")

        assert rows_written() - before == 2
        assert store.load_execution() == record


def test_an_execution_that_another_process_saved_is_replaced_whole(home: Home) -> None:
    with Store(home) as store:
        store.save_execution(RECORD, "{}")
    shorter = replace(RECORD, status="Executing", ended_at=None, steps=STEPS[:1])
    with Store(home) as store:
        store.save_execution(shorter, "ignored: the definition is that of the first call")
        assert store.load_execution() == shorter
        assert store.definition_text("e1abc") == "{}"


def test_read_only_mappings_can_be_saved(home: Home) -> None:
    step = replace(STEPS[0], properties=MappingProxyType({"Nested": MappingProxyType({"x": 1})}))
    with Store(home) as store:
        store.save_execution(replace(RECORD, parameters=MappingProxyType({"P": 1}), steps=(step,)), "{}")
        read = store.load_execution()

    assert read.parameters == {"P": 1}
    assert read.steps[0].properties == {"Nested": {"x": 1}}


def test_values_that_are_not_json_are_a_bug_and_leave_the_last_state(home: Home) -> None:
    with Store(home) as store:
        store.save_execution(RECORD, "{}")
        with pytest.raises(TypeError, match=r"JSON values only, not <object"):
            store.save_execution(replace(RECORD, parameters={"P": object()}), "{}")
        assert store.load_execution() == RECORD


def test_the_newest_execution_is_the_one_saved_last_whatever_the_clock_said(home: Home) -> None:
    with Store(home) as store:
        for name, clock in (("a", 500.0), ("b", 900.0), ("c", 100.0)):
            store.save_execution(execution(name, clock), "{}")
        store.save_execution(replace(execution("a", 500.0), status="Stopped"), "{}")

        assert [record.execution_id for record in store.executions()] == ["c", "b", "a"]
        assert store.load_execution().execution_id == "c"


def test_a_prefix_finds_an_execution_only_if_it_is_the_only_one(home: Home) -> None:
    with Store(home) as store:
        with pytest.raises(UsageError, match="there is none yet"):
            store.load_execution()
        for name in ("ab1", "ab2", "ab", "c%_"):
            store.save_execution(execution(name), "{}")

        assert store.load_execution("ab1").execution_id == "ab1"
        assert store.load_execution("ab").execution_id == "ab"
        assert store.load_execution("c").execution_id == "c%_"
        with pytest.raises(UsageError, match=r"'a' fits ab, ab2, ab1: give more"):
            store.load_execution("a")
        for unknown in ("zz", "a_1", "%", ""):
            with pytest.raises(UsageError, match=f"there is no '{unknown}', only .*pipeline executions"):
                store.load_execution(unknown)


def test_reading_and_writing_processes_do_not_wait_for_each_other(home: Home) -> None:
    started = time.monotonic()
    later = replace(RECORD, status="Stopped")
    with Store(home) as writer, Store(home) as reader:
        writer.save_execution(RECORD, "{}")
        with writer.database.transaction() as connection:
            # More than SQLite keeps in memory before it writes to the file.
            connection.execute("INSERT INTO definitions VALUES ('large', ?)", ("x" * 20_000_000,))
            assert reader.executions() == [RECORD]
        with reader.database.snapshot() as connection:
            before = connection.execute("SELECT record FROM executions").fetchall()
            writer.save_execution(later, "{}")
            assert connection.execute("SELECT record FROM executions").fetchall() == before
        assert reader.executions() == [later]
    assert time.monotonic() - started < 20


def test_many_threads_can_save_and_read_at_once(home: Home) -> None:
    failures: list[BaseException] = []
    with Store(home) as store:

        def work(name: str) -> None:
            try:
                record = execution(name)
                for second in range(20):
                    record = replace(record, ended_at=float(second))
                    store.save_execution(record, "{}")
                    assert store.load_execution(name) == record
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=work, args=(f"thread-{number}-",)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert not failures
        assert len(store.executions()) == 6


def test_a_process_killed_while_it_writes_leaves_a_state_that_reads(home: Home) -> None:
    writer = """
import sys
from dataclasses import replace
from pathlib import Path
from pipeline.execution import ExecutionRecord, StepRecord
from pipeline.local.state.state_dir import Home
from pipeline.local.state.store import Store
store = Store(Home.open(Path(sys.argv[1])))
number = 0
while True:
    steps = tuple(StepRecord(f"s{i}", "Processing", properties={"n": number, "x": "y" * 5000}) for i in range(20))
    store.save_execution(ExecutionRecord("e", "p", "local", "Executing", {"n": number}, 1.0, steps=steps), "{}")
    print(number, flush=True)
    number += 1
"""
    last = -1
    for saves in (1, 7, 23):
        command = [sys.executable, "-c", writer, str(home.root)]
        with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for _ in range(saves):
                last = int(process.stdout.readline())
            process.send_signal(signal.SIGKILL)
        with Store(home) as store:
            record = store.load_execution()
            assert store.database.rows("PRAGMA integrity_check") == [("ok",)]
        assert record.parameters["n"] >= last
        assert {step.properties["n"] for step in record.steps} == {record.parameters["n"]}


def test_a_file_that_is_no_database_is_refused_and_kept_aside_when_the_state_is_rebuilt(home: Home) -> None:
    home.database.write_bytes(b"not a database, but long enough to look like one" * 100)

    with pytest.raises(StateError, match="file is not a database") as raised:
        Store(home)

    assert str(home.database) in str(raised.value)
    command = re.search(r"python -m (pipeline) (rebuild)", str(raised.value))
    assert command is not None
    environment = {**os.environ, "FASHION_HOME": str(home.root)}
    subprocess.run([sys.executable, "-m", *command.groups()], env=environment, cwd=REPOSITORY, check=True)
    with Store(home) as store:
        store.save_execution(RECORD, "{}")
    assert (home.root / "damaged" / "1" / "state.sqlite3").read_bytes().startswith(b"not a database")


def test_a_damaged_page_is_reported_as_damage(home: Home) -> None:
    with Store(home) as store:
        for number in range(40):
            store.save_execution(execution(f"e{number}"), json.dumps({"Steps": "x" * 3000}))
    content = bytearray(home.database.read_bytes())
    for start in range(4096, len(content), 4096):
        content[start : start + 16] = b"\xff" * 16
    home.database.write_bytes(content)

    told: list[str] = []
    with Store(home) as store:
        records = store.executions(told.append)
    assert 0 < len(records) + len(told) <= 41
    assert told
    assert all(re.search(r"malformed.*pipeline rebuild", sentence) for sentence in told)


def test_a_full_disk_loses_nothing_that_was_saved_before(home: Home) -> None:
    with Store(home) as store:
        store.save_execution(RECORD, "{}")
        # The limit acts as the end of the disk does: SQLite reports the same SQLITE_FULL.
        pages = store.database.rows("PRAGMA page_count")[0][0]
        store.database.rows(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(StateError, match=r"SQLITE_FULL.*free some space"):
            store.save_execution(execution("large"), "x" * 100_000)
        assert store.executions() == [RECORD]
        store.database.rows(f"PRAGMA max_page_count = {pages + 1000}")
        store.save_execution(execution("large"), "x" * 100_000)
        assert len(store.executions()) == 2


def test_a_state_of_a_newer_version_is_refused_and_left_alone(home: Home) -> None:
    Store(home).close()
    connection = sqlite3.connect(home.database)
    connection.execute("PRAGMA user_version = 99")
    connection.close()

    with pytest.raises(StateError, match=r"it has version 99, written by a newer version.*Update"):
        Store(home)


def test_a_database_that_cannot_be_opened_is_refused_with_the_reason(home: Home) -> None:
    home.database.mkdir()

    with pytest.raises(StateError, match=r"unable to open database file.*Check who owns the file"):
        Store(home)


def test_two_processes_may_create_the_state_at_once(tmp_path: Path) -> None:
    code = "import sys; from pathlib import Path; from pipeline.local.state.state_dir import Home; "
    code += "from pipeline.local.state.store import Store; Store(Home.open(Path(sys.argv[1]))).executions()"
    command = [sys.executable, "-W", "ignore::ResourceWarning", "-c", code, str(tmp_path / "new")]
    processes = [subprocess.Popen(command, cwd=REPOSITORY, env=dict(os.environ)) for _ in range(4)]

    assert [process.wait() for process in processes] == [0, 0, 0, 0]


def test_a_definition_that_was_changed_is_not_taken_for_the_one_that_ran(home: Home) -> None:
    with Store(home) as store:
        store.save_execution(execution("e1"), '{"Steps": []}')
        with store.database.transaction() as connection:
            connection.execute("UPDATE definitions SET text = '{}'")
        with pytest.raises(
            StateError, match=r"The definition of execution e1 in .* is damaged: it is not the one"
        ):
            store.definition_text("e1")
