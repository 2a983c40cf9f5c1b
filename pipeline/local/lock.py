"""One writer at a time per state folder, by a lock that the kernel releases when its holder dies."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pipeline.local.home import Home


class Held:
    """The lock of a state folder, held."""

    def by_execution(self, execution_id: str) -> None:
        """Write down which execution holds the lock, for those who wait."""
        raise NotImplementedError


@contextmanager
def exclusive(
    home: Home, waiting: Callable[[str], None], *, stop: threading.Event | None = None
) -> Iterator[Held]:
    """Hold the state folder alone; while another process has it, say so once per holder and wait.

    `waiting` is given one sentence that names the holder's process id and execution.
    Raises StateError when `stop` is set while waiting.
    """
    raise NotImplementedError
    yield Held()
