"""The jobs that run: a thread for each, and the queue in which they report to the one that decides."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Collection

from pipeline.local.engine.attempts import Again, Attempts, End
from pipeline.local.engine.retries import Retries
from pipeline.local.jobs.runner import JobOutcome
from pipeline.spec.definition import Step


class RunningJobs:
    """The jobs of one execution; `say` adds a line to the log of a step, and `stop` is what stops them all."""

    def __init__(self, say: Callable[[str, str], None], stop: threading.Event) -> None:
        self._say, self._stop = say, stop
        self._threads: dict[str, threading.Thread] = {}
        self._reports: queue.SimpleQueue[End | Again] = queue.SimpleQueue()

    @property
    def steps(self) -> Collection[str]:
        """The names of the steps whose jobs run."""
        return self._threads.keys()

    def start(
        self, step: Step, run: Callable[[int], JobOutcome], first_attempt: int, stop: threading.Event
    ) -> None:
        """Start the thread of a step's job; `run` makes the attempt of a number, and `stop` stops it."""
        attempts = Attempts(
            step.name,
            run,
            say=lambda line: self._say(step.name, line),
            report=self._reports,
            retries=Retries(step.retry_policies),
            stop=stop,
        )
        thread = threading.Thread(target=attempts, args=(first_attempt,), name=step.name)
        self._threads[step.name] = thread
        thread.start()

    def next_report(self, timeout: float) -> End | Again | None:
        """What a job reports next; None when none does for `timeout` seconds. One that ended runs no more."""
        try:
            report = self._reports.get(timeout=timeout)
        except queue.Empty:
            return None
        if isinstance(report, End):
            self._threads.pop(report.step).join()
        return report

    def stop_all(self) -> None:
        """Stop every job and wait for it."""
        self._stop.set()
        for thread in self._threads.values():
            thread.join()
