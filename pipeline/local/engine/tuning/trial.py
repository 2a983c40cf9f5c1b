"""One trial of a search: what is tuned in it, what its log has told of the objective, and how it ended."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

TrialEnd = Literal["Completed", "Stopped", "Failed"]
# What the engine writes where an attempt of a training job begins, and where it goes on from checkpoints.
_BEGINNING = "[local] training job "
_CONTINUED = ": checkpoints of an earlier attempt"


class ObjectiveLog:
    """The values of the objective that a trial's log tells, in order.

    A job that begins anew counts from the beginning; one that goes on from checkpoints counts on.
    """

    def __init__(self, regex: str) -> None:
        self._pattern = re.compile(regex)
        self._begins = False
        self.values: list[float] = []

    def feed(self, line: str) -> bool:
        """Read a line of the log; whether it told a value."""
        if line.startswith(_BEGINNING):
            self._begins = True
        elif line.startswith("[local]"):
            self._begins = self._begins and _CONTINUED not in line
        elif found := self._pattern.search(line):
            try:
                value = float(found[1])
            except (TypeError, ValueError):
                return False  # Not a number, or the group took no part.
            if self._begins:
                self.values.clear()
                self._begins = False
            self.values.append(value)
            return True
        return False


@dataclass
class Trial:
    """`place` is its family's, `index` its number there from 0; `tuned` are its hyperparameters as texts.

    `value` is the objective that it ended with, None when it told none. `cut` says why the search ended it.
    """

    number: int
    name: str
    place: int
    index: int
    tuned: Mapping[str, str]
    log: ObjectiveLog
    stop: threading.Event
    end: TrialEnd | None = None
    value: float | None = None
    cut: str | None = None
    properties: Mapping[str, object] = field(default_factory=dict)
    failure_reason: str | None = None

    def end_it(self, why: str, say: Callable[[str], None]) -> None:
        """Let its job be stopped, with SIGTERM first."""
        self.cut = why
        self.stop.set()
        say(f"{self.name}: stopped, {why}")
