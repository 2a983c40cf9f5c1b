"""The cores that jobs of several executions share: one that finds too few of them free waits, the first come first.

Functions (Lambda and Callback steps) take none: they may wait for somebody, or for another execution.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pipeline.formatting import plural
from pipeline.local.jobs.runner import StepStopped

_POLL_SECONDS = 0.1


class CorePool:
    """So many `cores`. Usable from several threads."""

    def __init__(self, cores: int) -> None:
        self.cores = self._free = cores
        self._queue: deque[object] = deque()
        self._changed = threading.Condition()

    @contextmanager
    def taken(self, cores: int, stop: threading.Event, say: Callable[[str], None]) -> Iterator[None]:
        """Have `cores` of them, at most all, while the block lasts; `say` is told, once, of a wait.

        Raises:
            StepStopped: `stop` was set meanwhile.
        """
        wanted = min(cores, self.cores)
        self._take(wanted, stop, say)
        try:
            yield
        finally:
            with self._changed:
                self._free += wanted
                self._changed.notify_all()

    def _take(self, wanted: int, stop: threading.Event, say: Callable[[str], None]) -> None:
        me = object()
        with self._changed:
            self._queue.append(me)
            told = False
            try:
                while self._queue[0] is not me or self._free < wanted:
                    if stop.is_set():
                        raise StepStopped
                    if not told:
                        told = True
                        say(f"waiting for {plural(wanted, 'core')}: the jobs before it have them")
                    self._changed.wait(_POLL_SECONDS)
                self._free -= wanted
            finally:
                self._queue.remove(me)
                self._changed.notify_all()
