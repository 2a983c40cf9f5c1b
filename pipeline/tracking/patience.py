"""How long a server that does not answer is waited for: some seconds a call, and not many more a run."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")

CALL_SECONDS = 3.0
RUN_SECONDS = 10.0
# What a failure counts that took no time, such as a connection that is refused.
LEAST_LOSS_SECONDS = 1.0


class NoAnswerError(Exception):
    """A call was not answered in time."""


@dataclass
class Patience:
    """What is left of it. `call_seconds` None: a call takes as long as it takes, as with a local database."""

    call_seconds: float | None = CALL_SECONDS
    run_seconds: float = RUN_SECONDS
    lost: float = 0.0

    @property
    def left(self) -> float:
        """Seconds that may still be lost."""
        return max(0.0, self.run_seconds - self.lost)

    def call(self, function: Callable[[], T], *, long: bool = False) -> T:
        """What `function` returns, or raises. One that takes too long is left alone, in its thread.

        Not by a signal or the socket's own time limit alone: looking up a name, or a server that sends a byte
        now and then, outlasts both. `long`: it sends much, and may take all the patience that is left.

        Raises:
            NoAnswerError: it was not answered in time.
        """
        began = time.monotonic()
        try:
            return function() if self.call_seconds is None else self._within(function, long)
        except Exception:
            self.lost += max(time.monotonic() - began, LEAST_LOSS_SECONDS)
            raise

    def _within(self, function: Callable[[], T], long: bool) -> T:
        assert self.call_seconds is not None
        seconds = self.left if long else min(self.call_seconds, self.left)
        results: list[T] = []
        failures: list[BaseException] = []

        def work() -> None:
            try:
                results.append(function())
            except BaseException as error:
                failures.append(error)

        worker = threading.Thread(target=work, daemon=True)
        worker.start()
        worker.join(seconds)
        if failures:
            raise failures[0]
        if not results:
            raise NoAnswerError(f"no answer within {seconds:.0f} s")
        return results[0]
