"""Runs one step's job in a thread of its own: again, after a wait, when its retry policies say so."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from pipeline.errors import FashionError
from pipeline.local.engine.retries import Retries
from pipeline.local.jobs.faults import fault_of
from pipeline.local.jobs.runner import JobOutcome, StepStopped
from pipeline.shown import first_line


@dataclass(frozen=True)
class End:
    """How a job's thread ended: exactly one of the fields after `step` is set, none of them if it was stopped."""

    step: str
    outcome: JobOutcome | None = None
    reason: str | None = None
    bug: BaseException | None = None


@dataclass(frozen=True)
class Again:
    """Another attempt of a step begins; `attempt` is its number."""

    step: str
    attempt: int


Event = End | Again


@dataclass(frozen=True)
class Attempts:
    """The attempts of one step.

    `run` makes the attempt of a number, `say` tells the log why there is another, `report` takes what happens.
    """

    step: str
    run: Callable[[int], JobOutcome]
    say: Callable[[str], None]
    report: queue.SimpleQueue[Event]
    retries: Retries
    stop: threading.Event

    def __call__(self, first: int) -> None:
        """Make the attempts, from number `first` on, and report the end, whatever it is."""
        try:
            self.report.put(End(self.step, outcome=self._until_the_last(first)))
        except StepStopped:
            self.report.put(End(self.step))
        except FashionError as error:
            self.report.put(End(self.step, reason=str(error)))
        except BaseException as error:
            self.report.put(End(self.step, bug=error))

    def _until_the_last(self, attempt: int) -> JobOutcome:
        began = time.monotonic()
        while True:
            try:
                return self.run(attempt)
            except FashionError as error:
                fault = fault_of(error)
                delay = self.retries.delay_before_next(fault, time.monotonic() - began)
                if delay is None:
                    raise
                why = first_line(str(error))
                self.say(f"attempt {attempt} failed ({fault}): {why}. Trying again in {delay:g} s")
            if self.stop.wait(delay):
                raise StepStopped
            attempt += 1
            self.report.put(Again(self.step, attempt))
