"""No process outlives the command line, however that ends."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from pipeline.local.jobs.reaper import Reaper, end_groups, signal_group, start_of_leader

# Prints its process id and sleeps; with "stubborn" it ignores SIGTERM.
SLEEPER = """
import os, signal, sys, time
if "stubborn" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
print(os.getpid(), flush=True)
time.sleep(600)
"""

# A command line in small: guards one job through a reaper, reports both process ids, and waits to be killed.
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


def until(condition: Callable[[], bool], seconds: float = 10.0) -> bool:
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


@pytest.mark.parametrize("how", ["polite", "stubborn"])
def test_a_killed_command_line_leaves_no_process(tmp_path: Path, how: str) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path), SLEEPER, how],
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


def test_a_command_line_killed_before_it_opens_the_gate_leaves_no_process(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import os, signal, subprocess, sys\n"
            "from pipeline.local.jobs.process import GATE\n"
            "p = subprocess.Popen(['/bin/sh', '-c', GATE, 'sh', 'touch', sys.argv[1]], stdin=subprocess.PIPE,"
            " start_new_session=True)\n"
            "print(p.pid, flush=True)\n"
            "os.kill(os.getpid(), signal.SIGKILL)\n",
            str(marker),
        ],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[4],
    )
    output, _ = parent.communicate()
    assert until(lambda: gone(int(output)))
    assert not marker.exists()


def sleeper(how: str = "polite") -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-c", SLEEPER, how], stdout=subprocess.PIPE, start_new_session=True
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    return process


def test_a_group_whose_number_another_process_has_by_now_is_left_alone() -> None:
    ours, theirs, unknown = sleeper(), sleeper(), sleeper()
    try:
        groups = {
            ours.pid: start_of_leader(ours.pid),
            theirs.pid: start_of_leader(theirs.pid) - 1,
            unknown.pid: 0,
        }
        end_groups(groups, 0.1)
        assert [process.poll() for process in (ours, theirs, unknown)] == [
            -signal.SIGTERM,
            None,
            -signal.SIGTERM,
        ]
    finally:
        for process in (ours, theirs, unknown):
            process.kill()
            process.wait()


def test_closing_ends_what_is_registered_and_nothing_else() -> None:
    registered, unregistered, never = sleeper(), sleeper(), sleeper()
    try:
        with Reaper(grace=0.5) as reaper:
            reaper.register(registered.pid)
            reaper.register(unregistered.pid)
            reaper.unregister(unregistered.pid)
            assert registered.poll() is None
        assert registered.wait(5) == -signal.SIGTERM
        assert unregistered.poll() is None
        assert never.poll() is None
    finally:
        for process in (registered, unregistered, never):
            process.kill()
            process.wait()


def test_what_ignores_sigterm_is_killed_after_the_grace() -> None:
    polite, stubborn = sleeper(), sleeper("stubborn")
    end_groups({polite.pid: 0, stubborn.pid: 0}, grace=0.2)
    assert stubborn.wait(5) == -signal.SIGKILL
    assert polite.wait(5) == -signal.SIGTERM


def test_a_group_that_is_gone_is_no_error() -> None:
    process = sleeper()
    process.kill()
    process.wait()
    assert not signal_group(process.pid, signal.SIGTERM)
    end_groups({process.pid: start_of_leader(process.pid)}, grace=5.0)


def test_a_reaper_that_was_killed_can_guard_nothing_and_says_so() -> None:
    with Reaper() as reaper:
        os.kill(reaper.pid, signal.SIGKILL)
        assert until(lambda: gone(reaper.pid))
        with pytest.raises(BrokenPipeError):
            reaper.register(12345)
        reaper.unregister(12345)


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
