"""What stops one step of an execution, by a request or by its search, while the others go on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

_POLL_SECONDS = 0.05
# The event that stops the step of a name, and whatever stops the execution.
StopOf = Callable[[str], threading.Event]


class StopOfOne(threading.Event):
    """Is set when one step is to end, or `execution` is, the event that stops everything."""

    def __init__(self, execution: threading.Event) -> None:
        super().__init__()
        self._execution = execution

    def is_set(self) -> bool:
        """Whether either is."""
        return super().is_set() or self._execution.is_set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for either; False when `timeout` seconds have passed."""
        until = None if timeout is None else time.monotonic() + timeout
        while not self.is_set():
            left = _POLL_SECONDS if until is None else until - time.monotonic()
            if left <= 0:
                return False
            super().wait(min(left, _POLL_SECONDS))
        return True
