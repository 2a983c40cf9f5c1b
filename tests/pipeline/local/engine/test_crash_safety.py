"""The command line is killed by SIGKILL at any moment: nothing is damaged or left behind, and it can be resumed."""

from __future__ import annotations

import fcntl
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pytest

from pipeline.local.state.state_dir import Home
from pipeline.local.state.store import Store
from tests.e2e.command import ROOT, await_true, processes_of, surroundings
from tests.forked import start_command
from tests.pipeline.local.quick_pipeline import CODE, Results, quick_definition, read_results, write_code

# `make soak` kills it a thousand times.
KILLS = int(os.environ.get("KILLS", "12"))
SEED = 20261123
# The pipeline takes some two seconds, and each kill that and more: what can run at once does.
AT_ONCE = 2
POLL_SECONDS = 0.005
# What jobs get to end after SIGTERM, and more for a busy machine.
ORPHAN_SECONDS = 30


@dataclass(frozen=True)
class Moment:
    """When to kill a command: `seconds` after it has said `lines` lines."""

    lines: int
    seconds: float


@dataclass(frozen=True)
class Quick:
    """The command that starts the quick pipeline; what it leaves when nothing disturbs it, and how long it takes to
    say its first line, and each of the others."""

    words: list[str]
    results: Results
    lines: int
    first: float
    gap: float

    @property
    def moments(self) -> list[Moment]:
        """Spread over the whole run: a fifth before its first line, the others after each of its lines in turn."""
        chance = random.Random(SEED)
        early, later = KILLS // 5, KILLS - KILLS // 5
        before = [Moment(0, self.first * chance.uniform(i, i + 1) / early) for i in range(early)]
        after = [Moment(1 + i * self.lines // later, chance.uniform(0, self.gap)) for i in range(later)]
        return before + after


class Command:
    """A command of the state folder `home`; what it says goes to a file. `dying_at`: a point of dying.py's."""

    def __init__(self, home: Path, words: Sequence[str], dying_at: str = "") -> None:
        home.parent.mkdir(parents=True, exist_ok=True)
        self._said = home.with_name(f"{home.name}.said")  # The state folder is for nothing else.
        self.began = time.monotonic()
        words = [*words, "--plain"]
        with self._said.open("wb") as said:
            if not dying_at:
                self.process = start_command(words, surroundings(home, {}), said, said)
                return
            self.process = subprocess.Popen(
                [sys.executable, "tests/pipeline/local/dying.py", *dying_at.split(), *words],
                cwd=ROOT,
                env=surroundings(home, {"PYTHONPATH": str(ROOT)}),
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
            )

    def lines(self) -> int:
        """How many lines it has said."""
        return self._said.read_bytes().count(b"\n")

    def wait_for(self, lines: int) -> float:
        """Wait until it has said so many lines, or has ended; returns the seconds since it began."""
        while self.lines() < lines and self.process.poll() is None:
            time.sleep(POLL_SECONDS)
        return time.monotonic() - self.began

    def complete(self) -> None:
        """Wait for its end, which must be a good one."""
        assert self.process.wait() == 0, self._said.read_text()

    def kill(self, moment: Moment) -> None:
        """Kill it at `moment`, if it still runs then."""
        self.wait_for(moment.lines)
        try:
            self.process.wait(moment.seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def time_lines(home: Path, words: Sequence[str]) -> tuple[int, float, float]:
    """Run a command to its end: how many lines it says, and the seconds until the first and until the end."""
    command = Command(home, words)
    first = command.wait_for(1)
    command.complete()
    return command.lines(), first, time.monotonic() - command.began


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Quick:
    folder = tmp_path_factory.mktemp("quick")
    (folder / "quick.json").write_text(quick_definition())
    code = write_code(folder / "code")
    words = ["run", "--definition", str(folder / "quick.json"), "--upload", f"{code}={CODE}"]
    homes = [folder / f"home-{i}" for i in range(AT_ONCE)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        (lines, first, end), _ = pool.map(lambda home: time_lines(home, words), homes)
    one, other = (read_results(Home.open(home)) for home in homes)
    assert one == other
    assert set(one.statuses.values()) == {"Succeeded", "Skipped"}
    return Quick(words, one, lines, first, (end - first) / lines)


def check_state(home: Path) -> str | None:
    """What is on disk can be read, and is as the records say; returns the newest execution's status."""
    with Store(Home.open(home)) as store:
        assert store.database.rows("PRAGMA integrity_check") == [("ok",)]
        records = store.executions()
    if not records:
        return None
    read_results(Home.open(home))
    return records[0].status


def is_free(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def check_nothing_left(home: Path) -> None:
    await_true(lambda: not processes_of(home), f"the processes of {home} to end", ORPHAN_SECONDS)
    # A process that is ending can have left the process table's view before it gives the lock back.
    with (home / "lock").open("w") as lock:
        await_true(lambda: is_free(lock), f"the lock of {home} to be free", ORPHAN_SECONDS)


def kill_and_resume(home: Path, quick: Quick, moment: Moment, number: int) -> str | None:
    """Kill the command at `moment`, then let it complete; returns the status that was on disk in between.

    Every second time it is resumed at once, while what the killed command started may still be ending; every fifth
    time the resuming is killed too.
    """
    Command(home, quick.words).kill(moment)
    at_once = number % 2 == 1
    if not at_once and (home / "lock").exists():
        check_nothing_left(home)
    status = check_state(home)
    if status == "Executing" and number % 5 == 0:
        Command(home, ["resume"]).kill(moment)
        check_state(home)
    if check_state(home) != "Succeeded":
        # If there is no execution, it was killed before that.
        Command(home, quick.words if status is None else ["resume"]).complete()
        # What a killed command leaves there, the next one has removed.
        assert list((home / "tmp").iterdir()) == []
    check_nothing_left(home)
    assert read_results(Home.open(home)) == quick.results
    assert list(home.glob("executions/*/steps/*/container")) == []
    return status


@pytest.mark.timeout(100 * KILLS)  # a second or two each, on a machine that does nothing else
def test_a_command_killed_at_any_moment_damages_nothing_and_can_be_resumed(
    quick: Quick, tmp_path: Path
) -> None:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        kills = [
            pool.submit(kill_and_resume, tmp_path / str(number), quick, moment, number)
            for number, moment in enumerate(quick.moments)
        ]
        found = [kill.result() for kill in kills]
    # Most of the moments fell into the execution, some before it.
    assert found.count("Executing") >= KILLS // 2, found
    assert found.count(None) > 0, found


@pytest.mark.parametrize(
    ("point", "status"),
    [
        # The execution has just been written down.
        ("after pipeline.local.state.store Store save_execution 1", "Executing"),
        # Make's output is on disk; no record says so.
        ("before pipeline.local.state.cache StepCache record 1", "Executing"),
        # Register has made the model's version; it is not on disk.
        ("before pipeline.local.state.registry_state RegistryState persist 1", "Executing"),
        # It is on disk; no record says that the step succeeded.
        ("after pipeline.local.state.registry_state RegistryState persist 1", "Executing"),
        # The execution has ended.
        ("before pipeline.local.jobs.reaper Reaper close 1", "Succeeded"),
    ],
)
def test_a_command_killed_between_two_changes_of_the_state_can_be_resumed(
    point: str, status: str, quick: Quick, tmp_path: Path
) -> None:
    dying = Command(tmp_path, quick.words, dying_at=point)
    assert dying.process.wait() == -signal.SIGKILL, "the run ended without reaching that point"
    assert check_state(tmp_path) == status
    if status == "Executing":
        Command(tmp_path, ["resume"]).complete()
    check_nothing_left(tmp_path)
    assert read_results(Home.open(tmp_path)) == quick.results
