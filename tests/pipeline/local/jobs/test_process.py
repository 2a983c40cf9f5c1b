"""How a job's process runs and ends: status, signals, limits, what it leaves behind."""

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil
import pytest

from pipeline.local.jobs.joblog import JobLog
from pipeline.local.jobs.process import Ended, run_process
from pipeline.local.jobs.reaper import Entering, Reaper


@pytest.fixture(scope="module")
def reaper() -> Iterator[Reaper]:
    with Reaper(grace=0.2) as reaper:
        yield reaper


class Job:
    """Runs a Python text as a job; `lines` is what the observer saw. The line `stop_at` sets the stop event."""

    def __init__(self, folder: Path, reaper: Reaper) -> None:
        self.folder = folder
        self.reaper = reaper
        self.lines: list[str] = []
        self.stop = threading.Event()
        self.stop_at: str | None = None

    def on_line(self, line: str) -> None:
        self.lines.append(line)
        if line == self.stop_at:
            self.stop.set()

    def run(
        self,
        text: str,
        *,
        program: tuple[str, ...] = (sys.executable, "-c"),
        environment: Mapping[str, str] | None = None,
        entering: Entering | None = None,
        time_limit: float | None = 60,
        limit_grace: float = 5.0,
        stop_grace: float = 5.0,
    ) -> Ended:
        with JobLog(self.folder / "log.txt", self.on_line) as log:
            return run_process(
                [*program, text],
                cwd=self.folder,
                environment=environment or {},
                log=log,
                stop=self.stop,
                reaper=self.reaper,
                entering=entering,
                time_limit=time_limit,
                limit_grace=limit_grace,
                stop_grace=stop_grace,
            )


@pytest.fixture
def job(tmp_path: Path, reaper: Reaper) -> Job:
    return Job(tmp_path, reaper)


def alive(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def dies(pid: int) -> bool:
    deadline = time.monotonic() + 5
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    return not alive(pid)


def test_success_has_its_lines_from_both_streams_in_order(job: Job) -> None:
    ended = job.run(
        "import sys\nprint('out', flush=True)\nprint('err', file=sys.stderr, flush=True)\nprint('end', end='')"
    )
    assert ended.succeeded
    assert job.lines == ["out", "err", "end"]
    assert (job.folder / "log.txt").read_text() == "out\nerr\nend"


def test_lines_arrive_while_the_job_runs(job: Job) -> None:
    # The job ends only because its line was seen.
    job.stop_at = "waiting"
    ended = job.run("import time\nprint('waiting', flush=True)\ntime.sleep(60)")
    assert ended.cause == "stopped"


def test_the_exit_status_is_told(job: Job) -> None:
    ended = job.run("raise SystemExit(3)")
    assert not ended.succeeded
    assert ended.describe() == "exit status 3"


def test_a_kill_by_the_system_is_told(job: Job) -> None:
    ended = job.run("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")
    assert ended.describe() == "killed by signal 9 (out of memory?)"
    assert job.run("import os\nos.abort()").describe() == f"killed by signal {int(signal.SIGABRT)} (SIGABRT)"


def test_a_shell_whose_child_was_killed_is_told() -> None:
    assert "signal 9 (out of memory?)" in Ended(137, "exited").describe()
    assert Ended(255, "exited").describe() == "exit status 255"


def test_the_environment_is_exactly_what_was_given(job: Job) -> None:
    os.environ["FASHION_TEST_LEAK"] = "secret"
    try:
        ended = job.run(
            "import json, os\nprint(json.dumps(dict(os.environ)))",
            environment={"ONLY": "this", "LC_ALL": "C.UTF-8"},
        )
    finally:
        del os.environ["FASHION_TEST_LEAK"]
    assert ended.succeeded
    assert '"ONLY": "this"' in job.lines[0]
    assert "FASHION_TEST_LEAK" not in job.lines[0]
    assert "AWS" not in job.lines[0]


def test_stdin_is_empty_and_the_session_its_own(job: Job) -> None:
    ended = job.run(
        "import os, sys\nprint(repr(sys.stdin.read()))\nprint(os.getsid(0) == os.getpid() == os.getpgid(0))"
    )
    assert ended.succeeded
    assert job.lines == ["''", "True"]


def test_the_time_limit_terminates(job: Job) -> None:
    started = time.monotonic()
    ended = job.run("import time\ntime.sleep(60)", time_limit=0.3)
    assert time.monotonic() - started < 5
    assert ended.cause == "time limit"
    assert ended.returncode == -signal.SIGTERM
    assert ended.describe() == "ran longer than MaxRuntimeInSeconds=0.3"


def test_a_job_that_ignores_sigterm_is_killed_after_the_grace(job: Job) -> None:
    text = (
        "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "print('up', flush=True)\ntime.sleep(60)"
    )
    job.stop_at = "up"
    ended = job.run(text, stop_grace=0.3)
    assert ended.cause == "stopped"
    assert ended.returncode == -signal.SIGKILL


def test_stopping_lets_a_job_end_cleanly(job: Job) -> None:
    text = (
        "import os, signal, sys, time\n"
        # Not by print, which fails when the signal comes within another print.
        "def end(*_):\n    os.write(1, b'saved\\n')\n    sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, end)\nprint('up', flush=True)\ntime.sleep(60)"
    )
    job.stop_at = "up"
    ended = job.run(text, stop_grace=60)
    assert ended.cause == "stopped"
    assert ended.returncode == 0
    assert not ended.succeeded
    assert job.lines == ["up", "saved"]


def test_a_stop_during_the_grace_of_the_time_limit_shortens_it(job: Job) -> None:
    job.stop_at = "no"
    started = time.monotonic()
    # A shell is up, with its trap set, long before the limit.
    text = "trap 'echo no' TERM; while :; do sleep 0.1; done"
    ended = job.run(text, program=("/bin/sh", "-c"), time_limit=0.5, limit_grace=60, stop_grace=0.2)
    assert ended.cause == "time limit"
    assert time.monotonic() - started < 20


@pytest.mark.parametrize("how", ["stopped", "exited"])
def test_grandchildren_die_with_the_job(job: Job, how: str) -> None:
    # The grandchild ignores SIGTERM and holds the job's output open.
    text = (
        "import signal, subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import signal, time;"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); time.sleep(600)'],"
        " stdout=subprocess.PIPE)\n"
        "child.stdout.readline()\n"
        "print(child.pid, flush=True)\n"
    )
    if how == "stopped":
        job.stop_at = "up"
        text += "print('up', flush=True)\ntime.sleep(600)"
    ended = job.run(text, stop_grace=0.2)
    assert ended.cause == how
    assert dies(int(job.lines[0]))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux hands orphans to those who ask for them")
def test_a_daemon_that_left_the_session_neither_outlives_the_job_nor_holds_it_up(job: Job) -> None:
    text = (
        "import subprocess, sys\n"
        "p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'], start_new_session=True)\n"
        "print(p.pid, flush=True)"
    )
    assert job.run(text).succeeded
    assert not alive(int(job.lines[0]))


def test_a_command_that_is_not_there_ends_with_127(job: Job) -> None:
    with JobLog(job.folder / "log.txt", job.on_line) as log:
        ended = run_process(
            ["no-such-command"],
            cwd=job.folder,
            environment={"PATH": os.defpath},
            log=log,
            stop=job.stop,
            reaper=job.reaper,
        )
    assert ended.describe() == "exit status 127"
    assert "no-such-command" in job.lines[0]


def test_an_error_of_the_observer_reaches_the_caller_after_the_job_has_ended(job: Job) -> None:
    def broken(line: str) -> None:
        raise ValueError("observer broke")

    job.on_line = broken  # type: ignore[method-assign]
    # More than a pipe holds: unread, the job would hang.
    with pytest.raises(ValueError, match="observer broke"):
        job.run("for _ in range(3000): print('x' * 100)", time_limit=20)


def test_a_job_that_the_reaper_cannot_guard_never_starts(tmp_path: Path) -> None:
    with Reaper() as reaper:
        os.kill(reaper.pid, signal.SIGKILL)
        assert dies(reaper.pid)
        job = Job(tmp_path, reaper)
        with pytest.raises(BrokenPipeError):
            job.run("open('ran', 'w')")
    assert not (tmp_path / "ran").exists()
