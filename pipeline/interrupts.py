"""Turns Ctrl-C and SIGTERM into a request to stop, so that an execution can end as Stopped instead of half-way."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def stop_on_signals(stop: threading.Event, notice: Callable[[str], None]) -> Iterator[None]:
    """Within the block, SIGINT, SIGTERM and SIGHUP set `stop`; `notice` is told once. Main thread only."""

    def handle(number: int, _frame: FrameType | None) -> None:
        if not stop.is_set():
            stop.set()
            notice(f"{signal.Signals(number).name} received: stopping the execution and its jobs …")

    before = {
        number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
