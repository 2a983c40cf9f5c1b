"""Fires the rules that have a schedule, while the server runs. What was due when it did not is not made up for."""

from __future__ import annotations

import threading
from collections.abc import Callable

from pipeline.local.endpoint.event_rules import Rule, Rules
from pipeline.local.endpoint.schedule_times import due_times
from pipeline.local.state import clock

# The machine's clock may be set meanwhile.
_LONGEST_WAIT = 30.0


class Schedules:
    """Made once for a server; its thread is there once a rule has a schedule."""

    def __init__(self, rules: Rules, fire: Callable[[Rule], None]) -> None:
        """`fire` sends the event of a rule to its targets."""
        self._rules = rules
        self._fire = fire
        self._since = clock.now()
        self._changed = threading.Event()
        self._ended = False
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def look(self) -> None:
        """Take notice of the rules as they are now."""
        with self._lock:
            if self._thread is None and not self._ended and self._rules.scheduled:
                self._thread = threading.Thread(target=self._work, name="schedules", daemon=True)
                self._thread.start()
        self._changed.set()

    def close(self) -> None:
        """Fire no more."""
        with self._lock:
            self._ended = True
        self._changed.set()
        if self._thread is not None:
            self._thread.join()

    def fire_due(self, now: float) -> float:
        """Fire what became due since the last time; returns the seconds until the next."""
        wait = _LONGEST_WAIT
        for rule in self._rules.scheduled:
            due = due_times(rule["ScheduleExpression"])
            at = due(max(self._since, rule["ScheduledFrom"]), rule["ScheduledFrom"])
            if at is not None and at <= now:
                self._fire(rule)
                at = due(now, rule["ScheduledFrom"])
            if at is not None:
                wait = min(wait, at - now)
        self._since = max(self._since, now)
        return wait

    def _work(self) -> None:
        while not self._ended:
            wait = self.fire_due(clock.now())
            self._changed.wait(wait)
            self._changed.clear()
