"""Cores that jobs share: never more than there are, the first come first, and a stop ends the waiting."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from pipeline.local.jobs.core_pool import CorePool
from pipeline.local.jobs.runner import StepStopped

NEVER = threading.Event()


def nobody(line: str) -> None:
    raise AssertionError(line)


class Job(threading.Thread):
    """Takes cores until it is told to `end`; `begun` is set once it has them."""

    def __init__(self, pool: CorePool, cores: int) -> None:
        super().__init__(daemon=True)
        self._pool, self._cores = pool, cores
        self.begun, self.end, self.stop = threading.Event(), threading.Event(), threading.Event()
        self.said: list[str] = []
        self.stopped = False
        self.start()

    def run(self) -> None:
        try:
            with self._pool.taken(self._cores, self.stop, self.said.append):
                self.begun.set()
                self.end.wait(60)
        except StepStopped:
            self.stopped = True


def until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_the_first_come_is_the_first_served_however_much_it_wants() -> None:
    pool = CorePool(2)
    one = Job(pool, 1)
    assert one.begun.wait(60)
    wide = Job(pool, 2)
    until(lambda: wide.said)
    narrow = Job(pool, 1)
    until(lambda: narrow.said)
    # A core is free, and is kept for the one that waits for two.
    assert not wide.begun.is_set()
    assert not narrow.begun.is_set()
    one.end.set()
    assert wide.begun.wait(60)
    assert not narrow.begun.is_set()
    wide.end.set()
    assert narrow.begun.wait(60)
    narrow.end.set()
    assert wide.said == ["waiting for 2 cores: the jobs before it have them"]
    assert one.said == []


def test_a_stop_ends_the_waiting_and_lets_the_next_one_in() -> None:
    pool = CorePool(1)
    one = Job(pool, 1)
    assert one.begun.wait(60)
    stopped, following = Job(pool, 1), None
    until(lambda: stopped.said)
    following = Job(pool, 1)
    stopped.stop.set()
    stopped.join(60)
    assert stopped.stopped
    one.end.set()
    assert following.begun.wait(60)
    following.end.set()


def test_more_than_all_is_all_and_a_failure_gives_them_back() -> None:
    pool = CorePool(2)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), pool.taken(16, NEVER, nobody):
            1 / 0  # noqa: B018
    with pool.taken(1, NEVER, nobody), pool.taken(1, NEVER, nobody):
        pass
