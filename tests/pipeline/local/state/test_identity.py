"""A process is known by more than its number."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.local.state import identity
from pipeline.local.state.identity import ProcessIdentity, start_of
from tests.processes import ended_process

ELSEWHERE = "0123456789ab"


def test_it_reads_back_as_it_was_written() -> None:
    mine = ProcessIdentity.mine()
    assert mine.pid == os.getpid()
    assert ProcessIdentity.parse(str(mine)) == mine
    assert mine.life() == "running"


@pytest.mark.parametrize(
    "text", [None, 12, "", "12", "12.3", "12.3.abc.0", f"12.3.{ELSEWHERE}.0.1", "-1.2.3.0"]
)
def test_what_is_no_identity_is_none(text: object) -> None:
    assert ProcessIdentity.parse(text) is None


def test_a_process_that_ended_is_gone_and_gets_no_signal() -> None:
    dead = ended_process()
    assert dead.life() == "gone"
    assert not dead.send(signal.SIGTERM)


def test_a_number_that_another_process_has_by_now_is_gone_and_gets_no_signal() -> None:
    with subprocess.Popen(["sleep", "60"]) as other:
        started = start_of(other.pid)
        assert started is not None
        earlier = replace(ProcessIdentity.mine(), pid=other.pid, started=started - 1)
        assert earlier.life() == "gone"
        assert not earlier.send(signal.SIGKILL)
        assert other.poll() is None
        assert replace(earlier, started=started).send(signal.SIGTERM)
        assert other.wait() == -signal.SIGTERM


def test_one_that_has_ended_and_was_not_looked_at_yet_is_gone() -> None:
    with subprocess.Popen(["true"]) as process:
        deadline = time.monotonic() + 10
        while start_of(process.pid) is not None:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        os.kill(process.pid, 0)  # Its number is still taken.


def test_of_another_container_or_machine_nothing_can_be_told() -> None:
    there = replace(ended_process(), place=ELSEWHERE, machine="0")
    assert there.life() == "unknown"
    assert not there.send(signal.SIGTERM)
    assert replace(there, machine=ELSEWHERE).life() == "unknown"


def test_what_ran_on_this_machine_before_its_last_boot_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "_machine", lambda: "ba9876543210")
    assert replace(ProcessIdentity.mine(), place=ELSEWHERE, machine="ba9876543210").life() == "gone"


def test_another_namespace_of_process_numbers_is_another_place() -> None:
    """A process 1 in there is not the process 1 out here. Root or user namespaces are needed."""
    code = "from pipeline.local.state.identity import ProcessIdentity; print(ProcessIdentity.mine())"
    unshare = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc"]
    command = [*unshare, sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[4], check=False)
    if done.returncode != 0 and "unshare" in done.stderr:
        pytest.skip(f"no namespaces here: {done.stderr.strip()}")
    there = ProcessIdentity.parse(done.stdout.strip())
    assert there is not None
    assert there.pid == 1
    assert (there.place == ProcessIdentity.mine().place, there.life()) == (False, "unknown")
