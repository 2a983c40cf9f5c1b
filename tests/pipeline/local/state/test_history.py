"""How an execution reads while it runs, after it ended, and after its process died."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.errors import StateError
from pipeline.execution import ExecutionRecord, StepRecord
from pipeline.local.state.ending import mark_interrupted
from pipeline.local.state.history import read_execution, read_executions, running_execution
from pipeline.local.state.identity import ProcessIdentity
from pipeline.local.state.lock import Holder, exclusive, find_holder
from pipeline.local.state.state_dir import Home
from pipeline.local.state.store import Store

RECORD = ExecutionRecord(
    "abcdef123456",
    "fashion",
    "local",
    "Executing",
    {},
    1000.0,
    steps=(
        StepRecord("Done", "Processing", "Succeeded", 1001.0, 1002.0),
        StepRecord("Under-way", "Training", "Executing", 1003.0, attempts=1),
        StepRecord("Next", "Processing"),
    ),
)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.open(tmp_path / "home")


@pytest.fixture
def store(home: Home) -> Iterator[Store]:
    with Store(home) as store:
        store.save_execution(RECORD, "{}")
        yield store


def check_died(record: ExecutionRecord) -> None:
    assert record.status == "Failed"
    assert record.ended_at is None
    assert "The process that ran it ended" in str(record.failure_reason)
    assert "python -m pipeline resume abcdef123456" in str(record.failure_reason)
    assert [step.status for step in record.steps] == ["Succeeded", "Stopped", "Pending"]


def test_an_execution_that_nobody_runs_reads_as_failed(home: Home, store: Store) -> None:
    check_died(read_execution(home, store, None))
    (listed,) = read_executions(home, store)
    check_died(listed)
    assert store.load_execution() == RECORD, "reading changes nothing"


def test_one_that_runs_reads_as_it_was_saved(home: Home, store: Store) -> None:
    with exclusive(home, lambda line: None) as held:
        held.by_execution("abcdef123456")
        assert running_execution(home) == "abcdef123456"
        assert read_execution(home, store, "abc") == RECORD


def test_while_another_runs_it_is_dead_all_the_same(home: Home, store: Store) -> None:
    other = replace(RECORD, execution_id="other1234567")
    store.save_execution(other, "{}")
    with exclusive(home, lambda line: None) as held:
        held.by_execution("other1234567")
        running, died = read_executions(home, store)
    assert running == other
    check_died(died)


def test_one_that_ends_while_it_is_looked_at_has_its_own_end(home: Home, store: Store) -> None:
    """It is saved between the first look at the record and the look at the lock."""
    ended = replace(RECORD, status="Succeeded", ended_at=1010.0)

    class Ending(Store):
        def load_execution(self, execution_id: str | None = None) -> ExecutionRecord:
            record = super().load_execution(execution_id)
            store.save_execution(ended, "{}")
            return record

    with Ending(home) as looking:
        assert read_execution(home, looking, None) == ended


def test_who_has_the_folder_next_writes_its_end_down(home: Home, store: Store) -> None:
    mark_interrupted(store)
    check_died(store.load_execution())


def test_what_has_ended_is_left_alone(home: Home, store: Store) -> None:
    stopped = replace(RECORD, status="Stopped", ended_at=1010.0)
    store.save_execution(stopped, "{}")
    mark_interrupted(store)
    assert read_execution(home, store, None) == stopped


def test_a_folder_that_is_free_has_no_holder(home: Home) -> None:
    assert find_holder(home) is None
    with exclusive(home, lambda line: None):
        pass
    assert find_holder(home) is None


def test_while_the_jobs_of_a_killed_command_end_the_folder_is_held_but_nothing_runs(
    home: Home, store: Store
) -> None:
    """The reaper inherits the lock; here, `sleep` stands for it."""
    told: list[str] = []
    stop = threading.Event()

    def give_up(line: str) -> None:
        told.append(line)
        stop.set()

    script = (
        "import subprocess, sys; from pathlib import Path\n"
        "from pipeline.local.state.state_dir import Home; from pipeline.local.state.lock import exclusive\n"
        "with exclusive(Home.open(Path(sys.argv[1])), print) as held:\n"
        "    held.by_execution('abcdef123456')\n"
        "    null = subprocess.DEVNULL\n"
        "    child = subprocess.Popen(['sleep', '60'], pass_fds=[held.descriptor], stdout=null, stderr=null)\n"
        "    print(child.pid, flush=True); import os, signal; os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(home.root)],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[4],
        check=False,
    )
    try:
        assert find_holder(home) == Holder()
        check_died(read_execution(home, store, None))
        with pytest.raises(StateError), exclusive(home, give_up, stop=stop):
            pass
        assert "execution abcdef123456 was killed" in told[0]
    finally:
        os.kill(int(done.stdout), signal.SIGKILL)


def test_one_that_another_container_runs_does_not_read_as_failed(home: Home, store: Store) -> None:
    """Its process number says nothing here; that the lock is held does."""
    with exclusive(home, lambda line: None) as held:
        process = replace(ProcessIdentity.mine(), place="0123456789ab", machine="0")
        text = json.dumps({"process": str(process), "execution": "abcdef123456"})
        os.ftruncate(held.descriptor, 0)
        os.pwrite(held.descriptor, text.encode(), 0)
        assert find_holder(home) == Holder(process, "abcdef123456")
        assert read_execution(home, store, None) == RECORD
    check_died(read_execution(home, store, None))


def test_one_whose_process_number_another_process_has_by_now_reads_as_failed(
    home: Home, store: Store
) -> None:
    with exclusive(home, lambda line: None) as held:
        mine = ProcessIdentity.mine()
        text = json.dumps(
            {"process": str(replace(mine, started=mine.started - 1)), "execution": "abcdef123456"}
        )
        os.ftruncate(held.descriptor, 0)
        os.pwrite(held.descriptor, text.encode(), 0)
        assert find_holder(home) == Holder()
        check_died(read_execution(home, store, None))


def test_the_holder_is_known_from_another_process_until_it_dies(home: Home) -> None:
    script = (
        "import sys, time; from pathlib import Path\n"
        "from pipeline.local.state.state_dir import Home; from pipeline.local.state.lock import exclusive\n"
        "with exclusive(Home.open(Path(sys.argv[1])), print) as held:\n"
        "    held.by_execution('abcdef123456'); print('held', flush=True); time.sleep(600)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(home.root)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[4],
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        holder = find_holder(home)
        assert holder is not None
        assert holder.execution == "abcdef123456"
        assert holder.process is not None
        assert (holder.process.pid, holder.process.life()) == (process.pid, "running")
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert find_holder(home) is None
