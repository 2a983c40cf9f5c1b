"""What Ctrl-C and SIGTERM do: stop an execution that runs here, or end the watching of one that runs elsewhere."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def stop_on_signals(stop: threading.Event) -> Iterator[None]:
    """Within the block, SIGINT, SIGTERM and SIGHUP set `stop`, and do no more. Main thread only.

    A SIGHUP that is ignored stays so: nohup has asked for that.

    Nothing is printed here: a handler may interrupt a write to the very same stream. The live view shows the
    execution as Stopping.
    """

    def handle(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, *_ending())}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def interrupt_on_signals() -> Iterator[None]:
    """Within the block, SIGTERM and SIGHUP do what Ctrl-C does: raise KeyboardInterrupt. Main thread only."""

    def handle(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, handle) for number in _ending()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _ending() -> tuple[signal.Signals, ...]:
    """The signals that ask a process to end, but for SIGHUP under nohup."""
    ignored = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    return (signal.SIGTERM,) if ignored else (signal.SIGTERM, signal.SIGHUP)
