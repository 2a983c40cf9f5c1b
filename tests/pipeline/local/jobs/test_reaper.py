"""No process outlives its job, nor the command line, however that ends."""

import fcntl
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from pipeline.local.jobs.reaper import Kept, Reaper

# Prints its process id and sleeps; with "stubborn" it ignores SIGTERM.
SLEEPER = """
import os, signal, sys, time
if "stubborn" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
print(os.getpid(), flush=True)
time.sleep(600)
"""

# Leaves its session, its parent and its environment as daemons do, prints its process id and sleeps. What starts it
# ends at once, or with "wait" sleeps too.
DAEMON = """
import os, signal, sys, time
told, telling = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        tell = "import os, time; os.write(%d, b'x'); time.sleep(600)" % telling
        print(os.getpid(), flush=True)
        os.set_inheritable(telling, True)
        os.execve(sys.executable, [sys.executable, "-I", "-S", "-c", tell], {})
    os._exit(0)
os.read(told, 1)
if "wait" in sys.argv:
    time.sleep(600)
"""

# A command line in small: runs one job through a reaper, reports both process ids, and waits to be killed.
PARENT = """
import subprocess, sys, threading
from pathlib import Path
from pipeline.local.jobs.joblog import JobLog
from pipeline.local.jobs.process import run_process
from pipeline.local.jobs.reaper import Reaper

folder, sleeper, how = sys.argv[1:]
with Reaper(grace=0.3) as reaper:
    print(reaper.pid, flush=True)
    with JobLog(Path(folder, "log.txt"), lambda line: print(line, flush=True)) as log:
        run_process(
            [sys.executable, "-c", sleeper, how], cwd=Path(folder), environment={}, log=log,
            stop=threading.Event(), reaper=reaper,
        )
"""


def until(condition: Callable[[], bool], seconds: float = 60.0) -> bool:
    """Poll `condition` until it holds; False after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def gone(pid: int) -> bool:
    """Whether the process is no more (a zombie that nobody reaps has ended too)."""
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


LINUX = pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux hands orphans to those who ask for them"
)


@pytest.mark.parametrize(
    ("program", "how"),
    [(SLEEPER, "polite"), (SLEEPER, "stubborn"), pytest.param(DAEMON, "wait", marks=LINUX)],
    ids=["polite", "stubborn", "daemon"],
)
def test_a_killed_command_line_leaves_no_process(tmp_path: Path, program: str, how: str) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path), program, how],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[4],
    )
    assert parent.stdout is not None
    reaper, job = int(parent.stdout.readline()), int(parent.stdout.readline())
    assert not gone(reaper)
    assert not gone(job)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert until(lambda: gone(job)), f"the job {job} outlived its command line"
    assert until(lambda: gone(reaper)), f"the reaper {reaper} outlived its command line"


# Asks for a keeper, and is killed before it has said what to run.
HALF = """
import os, signal, socket
from pipeline.local.jobs.reaper import Reaper
reaper = Reaper()
ours, theirs = socket.socketpair()
reaper._hand_over(1, theirs.fileno())
ours.sendall((1000).to_bytes(4, "big") + b"the beginning of it")
print(reaper.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_command_line_killed_before_it_has_said_what_to_run_leaves_no_process() -> None:
    # The pipe is the keeper's, too: it is at its end when all have ended.
    done = subprocess.run(
        [sys.executable, "-c", HALF], capture_output=True, timeout=120, cwd=Path(__file__).parents[4]
    )
    assert until(lambda: gone(int(done.stdout)))


@contextmanager
def started(reaper: Reaper, *words: str) -> Iterator[tuple[Kept, int]]:
    """A Python text as a job, and the process id that it prints."""
    pipe, output = os.pipe()
    with os.fdopen(pipe) as printed:
        kept = reaper.start([sys.executable, "-c", *words], cwd=Path("/"), environment={}, output=output)
        os.close(output)
        try:
            yield kept, int(printed.readline())
        finally:
            kept.end()


def keeper_of(reaper: Reaper) -> int:
    """The process id of its only job's keeper."""
    [keeper] = psutil.Process(reaper.pid).children()
    return int(keeper.pid)


def test_closing_ends_what_still_runs() -> None:
    reaper = Reaper(grace=0.2)
    with started(reaper, SLEEPER) as (polite, _), started(reaper, SLEEPER, "stubborn") as (stubborn, _):
        assert polite.wait(0) is None
        reaper.close()
        assert polite.wait(60) == -signal.SIGTERM
        assert stubborn.wait(60) == -signal.SIGKILL


@LINUX
@pytest.mark.parametrize("how", ["ended", "killed"])
def test_what_left_the_session_ends_with_its_job_and_not_with_another(how: str) -> None:
    with (
        Reaper(grace=0.2) as reaper,
        started(reaper, DAEMON, "wait") as (_, others),
        started(reaper, DAEMON, *(["wait"] if how == "killed" else [])) as (kept, daemon),
    ):
        if how == "killed":
            assert not gone(daemon)
        else:
            assert kept.wait(60) == 0
            assert kept.wait(0) == 0, "it is remembered while the daemon lives"
        kept.end()
        assert gone(daemon), f"{daemon} outlived its job"
        assert not gone(others)


def test_a_stopped_process_can_be_killed() -> None:
    with Reaper(grace=0.2) as reaper, started(reaper, SLEEPER) as (kept, pid):
        os.kill(pid, signal.SIGSTOP)
        assert until(lambda: psutil.Process(pid).status() == psutil.STATUS_STOPPED)
        kept.terminate()
        assert kept.wait(0.05) is None
        kept.kill()
        assert kept.wait(60) == -signal.SIGKILL


def test_jobs_go_on_and_end_when_the_reaper_was_killed() -> None:
    with Reaper(grace=0.2) as reaper, started(reaper, SLEEPER) as (kept, pid):
        os.kill(reaper.pid, signal.SIGKILL)
        assert until(lambda: gone(reaper.pid))
        assert kept.wait(0) is None
        kept.end()
        assert gone(pid)
        with pytest.raises(BrokenPipeError, match="has been killed"):
            reaper.start(["true"], cwd=Path("/"), environment={}, output=1)


@LINUX
@pytest.mark.parametrize("program", [SLEEPER, DAEMON], ids=["plain", "daemon"])
def test_a_job_ends_when_its_keeper_was_killed(program: str) -> None:
    with Reaper(grace=0.2) as reaper, started(reaper, program, "wait") as (kept, pid):
        os.kill(keeper_of(reaper), signal.SIGKILL)
        assert kept.wait(60) == -signal.SIGKILL
        assert until(lambda: gone(pid))
        with started(reaper, SLEEPER) as (other, _):
            assert other.wait(0) is None


def test_hundreds_of_jobs_at_once() -> None:
    def run(number: int) -> int | None:
        kept = reaper.start(
            ["/bin/sh", "-c", f"exit {number % 100}"], cwd=Path("/"), environment={}, output=output
        )
        status = kept.wait(120)
        kept.end()
        return status

    with Reaper() as reaper, Path(os.devnull).open("wb") as nowhere, ThreadPoolExecutor(200) as threads:
        output = nowhere.fileno()
        assert list(threads.map(run, range(300))) == [number % 100 for number in range(300)]
        assert until(lambda: psutil.Process(reaper.pid).children() == [])


def output_of(reaper: Reaper, *command: str, **environment: str) -> tuple[int | None, str]:
    """The exit status of a command, and what it wrote."""
    pipe, output = os.pipe()
    kept = reaper.start(command, cwd=Path("/"), environment=environment, output=output)
    os.close(output)
    with os.fdopen(pipe) as printed:
        text = printed.read()
    status = kept.wait(60)
    kept.end()
    return status, text


def test_a_job_has_three_open_files_no_input_and_the_signals_of_a_plain_process(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("w") as lock, Reaper(holding=lock.fileno()) as reaper:
        listed = "import os; print(os.listdir(f'/dev/fd'), os.read(0, 1))"
        # The fourth is that of the listing itself.
        assert output_of(reaper, sys.executable, "-c", listed) == (0, "['0', '1', '2', '3'] b''\n")
        masks = (
            "import signal; print(signal.pthread_sigmask(0, []), [signal.getsignal(n) for n in (1, 15, 17)])"
        )
        printed = subprocess.run([sys.executable, "-c", masks], capture_output=True, text=True).stdout
        assert output_of(reaper, sys.executable, "-c", masks) == (0, printed)


def test_the_lock_is_held_until_the_reaper_has_ended(tmp_path: Path) -> None:
    lock = (tmp_path / "lock").open("w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    reaper = Reaper(holding=lock.fileno())
    lock.close()
    with (tmp_path / "lock").open("w") as again:
        with pytest.raises(BlockingIOError):
            fcntl.flock(again, fcntl.LOCK_EX | fcntl.LOCK_NB)
        reaper.close()
        fcntl.flock(again, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_what_is_larger_than_a_socket_takes_arrives_and_what_the_system_refuses_is_told() -> None:
    with Reaper() as reaper:
        large = {f"V{number}": "x" * 100_000 for number in range(10)}
        assert output_of(reaper, "/bin/sh", "-c", "echo ${#V9}", **large) == (0, "100000\n")
        status, text = output_of(reaper, "/bin/echo", "x" * 3_000_000)
        assert (status, text) == (126, "/bin/echo: Argument list too long\n")


def test_a_job_whose_output_nobody_reads_holds_up_no_other() -> None:
    pipe, output = os.pipe()
    with Reaper(grace=0.2) as reaper:
        full = reaper.start(["/bin/sh", "-c", "yes"], cwd=Path("/"), environment={}, output=output)
        assert output_of(reaper, "/bin/sh", "-c", "echo free") == (0, "free\n")
        assert full.wait(0) is None
        full.end()
    os.close(output)
    os.close(pipe)


def test_two_threads_may_start_while_the_reaper_is_slow() -> None:
    ends = []

    def run() -> None:
        ends.append(output_of(reaper, "/bin/sh", "-c", "echo up"))

    with Reaper() as reaper:
        os.kill(reaper.pid, signal.SIGSTOP)
        threads = [threading.Thread(target=run) for _ in range(2)]
        for thread in threads:
            thread.start()
        os.kill(reaper.pid, signal.SIGCONT)
        for thread in threads:
            thread.join(60)
    assert ends == [(0, "up\n")] * 2


def test_the_command_line_is_told_by_a_socket_that_no_job_has() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, Reaper() as reaper:
        status, text = output_of(reaper, "/bin/sh", "-c", f"test -e /dev/fd/{theirs.fileno()} || echo none")
        assert (status, text) == (0, "none\n")


# Waits with a reaper, which it closes when a line comes.
GUARDED = """
import sys
from pipeline.local.jobs.reaper import Reaper
with Reaper(afterwards=["/bin/sh", "-c", "echo done >" + sys.argv[1]]) as reaper:
    print(reaper.pid, flush=True)
    sys.stdin.readline()
"""


@pytest.mark.parametrize("killed", [True, False], ids=["killed", "closed"])
def test_what_is_no_process_is_removed_when_the_command_line_was_killed(tmp_path: Path, killed: bool) -> None:
    file = tmp_path / "removed"
    parent = subprocess.Popen(
        [sys.executable, "-c", GUARDED, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    with parent:
        reaper = int(parent.stdout.readline())
        if killed:
            parent.kill()
        else:
            parent.communicate("end\n")
    assert until(lambda: gone(reaper))
    assert file.exists() == killed
