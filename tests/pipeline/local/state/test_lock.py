import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from pipeline.errors import StateError
from pipeline.local.state.lock import exclusive
from pipeline.local.state.state_dir import Home

REPOSITORY = Path(__file__).parents[4]
HOLDER = """
import sys, time
from pathlib import Path
from pipeline.local.state.state_dir import Home
from pipeline.local.state.lock import exclusive
with exclusive(Home.open(Path(sys.argv[1])), print) as lock:
    lock.by_execution("abc123")
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.open(tmp_path / "state")


def never(sentence: str) -> None:
    pytest.fail(f"did not expect to wait: {sentence}")


def test_a_free_folder_is_locked_without_waiting_again_and_again(home: Home) -> None:
    for _ in range(3):
        with exclusive(home, never) as lock:
            lock.by_execution("first")


def test_whoever_waits_is_told_once_who_holds_the_folder_and_goes_on_when_that_is_killed(home: Home) -> None:
    command = [sys.executable, "-c", HOLDER, str(home.root)]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        told: list[str] = []

        def waiting(sentence: str) -> None:
            told.append(sentence)
            threading.Timer(0.3, os.kill, (holder.pid, signal.SIGKILL)).start()

        with exclusive(home, waiting):
            assert holder.wait() == -signal.SIGKILL

    assert len(told) == 1
    assert f"execution abc123 (process {holder.pid}) is using it" in told[0]
    assert str(home.root) in told[0]


def test_a_holder_without_an_execution_is_named_as_a_command(home: Home) -> None:
    told: list[str] = []
    stop = threading.Event()

    def waiting(sentence: str) -> None:
        told.append(sentence)
        stop.set()

    with (
        exclusive(home, never),
        pytest.raises(StateError, match=f"Gave up waiting .* process {os.getpid()}"),
        exclusive(home, waiting, stop=stop),
    ):
        pytest.fail("two holders at once")

    assert [f"another command (process {os.getpid()})" in sentence for sentence in told] == [True]
    with exclusive(home, never):
        pass


def test_the_lock_is_released_when_the_block_fails(home: Home) -> None:
    with pytest.raises(ZeroDivisionError), exclusive(home, never):
        raise ZeroDivisionError
    with exclusive(home, never):
        pass


def test_one_of_many_at_a_time_holds_the_folder(home: Home) -> None:
    inside = 0
    most = 0
    entered = 0

    def enter() -> None:
        nonlocal inside, most, entered
        with exclusive(home, lambda sentence: None):
            inside += 1
            most = max(most, inside)
            entered += 1
            inside -= 1

    threads = [threading.Thread(target=enter) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (most, entered) == (1, 8)


def test_a_lock_file_that_cannot_be_opened_is_refused(home: Home) -> None:
    home.lock.mkdir()

    with pytest.raises(StateError, match=r"could not open .*lock.*Is a directory"), exclusive(home, never):
        pass
