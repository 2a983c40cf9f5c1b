"""Turns Ctrl-C and SIGTERM into a request to stop, so that an execution can end as Stopped instead of half-way."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def stop_on_signals(stop: threading.Event) -> Iterator[None]:
    """Within the block, SIGINT, SIGTERM and SIGHUP set `stop`, and do no more. Main thread only.

    Nothing is printed here: a handler may interrupt a write to the very same stream. The live view shows the
    execution as Stopping.
    """

    def handle(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    before = {
        number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
