"""One execution as the server has it: how it was asked for, its latest record, and the thread that runs it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

from pipeline.errors import FashionError
from pipeline.execution import ExecutionRecord
from pipeline.local.engine.stop_of_one import StopOfOne
from pipeline.local.state import clock

# Is told of a change of an execution: with the record and the status before it, and the steps told to stop by it.
Tell = Callable[["Execution", ExecutionRecord | None, str | None, Collection[str]], None]


@dataclass
class Execution:
    """An observer of the engine too. `asked` is what is kept of the requests that started and changed it.

    `record` is None until the engine has taken the execution. `begun` is set then, and when the engine refused it,
    which `failure` says why.
    """

    key: str
    asked: dict[str, Any]
    record: ExecutionRecord | None = None
    changed_at: float = 0.0
    stop: threading.Event = field(default_factory=threading.Event)
    begun: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None
    failure: BaseException | None = None
    definition: str | None = None
    _stops: dict[str, StopOfOne] = field(default_factory=dict)
    tell: Tell = lambda *change: None
    # Changes are told of in their order.
    _in_turn: threading.Lock = field(default_factory=threading.Lock)

    @property
    def known(self) -> ExecutionRecord:
        """The record of an execution that has begun."""
        assert self.record is not None, "an execution is listed once it has begun"
        return self.record

    @property
    def status(self) -> str:
        """Its status, as the service tells it."""
        stopping = self.stop.is_set() and self.known.status == "Executing"
        return "Stopping" if stopping else self.known.status

    def stop_of(self, step: str) -> StopOfOne:
        """What stops one step's job."""
        return self._stops.setdefault(step, StopOfOne(self.stop))

    @property
    def is_running(self) -> bool:
        """Whether the engine still works on it."""
        return self.thread is not None and self.thread.is_alive()

    def execution_changed(self, execution: ExecutionRecord) -> None:
        """See Observer."""
        with self._in_turn:
            before = self.record
            status = None if before is None else self.status
            self.record = execution
            self.changed_at = clock.now()
            self.begun.set()
            self.tell(self, before, status, ())

    def ask_to_stop(self, step: str | None = None) -> None:
        """Have the engine stop it, or the job of one `step`; returns at once."""
        with self._in_turn:
            status = self.status
            names = [each.name for each in self.known.steps] if step is None else [step]
            told = [name for name in names if not self.stop_of(name).is_set()]
            (self.stop if step is None else self.stop_of(step)).set()
            self.tell(self, self.record, status, told)

    def log_line(self, step: str, line: str) -> None:
        """See Observer."""

    def run(self, work: Callable[[], object], bug: Callable[[BaseException], None]) -> None:
        """Have a thread do the `work`, the engine's; returns when that has begun, or failed (`failure`).

        `bug` is told of what is no FashionError.
        """
        self.begun.clear()
        self.stop.clear()
        self._stops.clear()
        self.failure = None

        def safely() -> None:
            try:
                work()
            except FashionError as error:
                self.failure = error
            except BaseException as error:
                self.failure = error
                bug(error)
            finally:
                self.begun.set()

        self.thread = threading.Thread(target=safely, name=str(self.asked.get("id")))
        self.thread.start()
        self.begun.wait()
