"""Plain lines for logs and pipes: one for every change of a step's state, and for every epoch that has ended; for
every proposal and result of a search, too."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import TextIO

from pipeline.execution import ExecutionRecord, StepRecord, changed_places
from pipeline.formatting import count, decimal, duration, percent, plural
from pipeline.printable import printable
from pipeline.shown import first_line
from pipeline.view.board import Board
from pipeline.view.loglines import EpochLine
from pipeline.view.states import has_ended, state_of, step_state

# How the engine's own lines in a log begin.
_OWN = "[local] "


class PlainView:
    """An execution.Observer. `clock` gives seconds since the epoch; lines carry the machine's local time."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.time) -> None:
        self._stream = stream
        self._clock = clock
        self._board = Board()
        self._lock = threading.RLock()  # reentrant for the sake of signal handlers
        self._closed = False

    def execution_changed(self, execution: ExecutionRecord) -> None:
        """Writes a line for each step whose state is new, and for the execution's own."""
        with self._lock:
            before = self._board.execution_changed(execution)
            old_status = None if before is None else before.status
            if before is None:
                self._say(f"execution {execution.execution_id}: {plural(len(execution.steps), 'step')}")
            for step, old in _changes(execution, before):
                if step.status != old.status or step.attempts > max(old.attempts, 1):
                    self._say(f"{step.name}: {describe(step)}")
            if execution.status != old_status and execution.status != "Executing":
                total = execution.seconds
                spent = "" if total is None else f" after {duration(total)}"
                self._say(f"execution {execution.execution_id}: {state_of(execution.status).word}{spent}")

    def log_line(self, step: str, line: str) -> None:
        """Writes a line when the job's line says that an epoch has ended."""
        with self._lock:
            ended = self._board.log_line(step, line)
            if ended is not None:
                self._say(f"{step}: {describe_epoch(ended)}")
            elif line.startswith(_OWN) and self._board.type_of(step) == "Tuning":
                # What a search proposes and finds.
                self._say(f"{step}: {line.removeprefix(_OWN)}")

    def _say(self, text: str) -> None:
        if self._closed:
            return
        stamp = time.strftime("%H:%M:%S", time.localtime(self._clock()))
        line = printable(f"{stamp} {text}")
        encoding = self._stream.encoding or "utf-8"
        try:
            # In one call: others write to this stream, too, from threads of their own.
            self._stream.write(f"{line.encode(encoding, 'replace').decode(encoding)}\n")
            self._stream.flush()
        except (OSError, ValueError):
            # Whoever read this has gone away, or the stream is closed: the execution matters more than its lines.
            self._closed = True


def _changes(
    execution: ExecutionRecord, before: ExecutionRecord | None
) -> Iterator[tuple[StepRecord, StepRecord]]:
    """The records that are new, each with that of the same step before."""
    old = () if before is None else before.steps
    places = changed_places(execution.steps, old)
    # A ForEach step that begins moves those after it.
    moved = len(old) != len(execution.steps)
    known = {step.name: step for step in old} if moved else {old[place].name: old[place] for place in places}
    for place in places:
        step = execution.steps[place]
        yield step, known.get(step.name, StepRecord(step.name, step.type))


def describe(step: StepRecord) -> str:
    """A step's state in words, with its time and the first line of why it failed."""
    words = step_state(step).word
    if step.attempts > 1:
        words += f" (attempt {step.attempts})"
    if has_ended(step) and step.seconds is not None and not step.cached:
        words += f" after {duration(step.seconds)}"
    reason = (step.failure_reason or "").strip()
    if step.status == "Failed" and reason:
        words += f": {first_line(reason)}"
    return words


def describe_epoch(ended: EpochLine) -> str:
    """One line for an epoch that has ended."""
    metrics = ended.metrics
    parts = [
        f"epoch {ended.epoch} of {ended.epochs}",
        f"training accuracy {percent(metrics.get('train_accuracy'))}",
        f"validation accuracy {percent(metrics.get('validation_accuracy'))}",
        f"validation loss {decimal(metrics.get('validation_loss'))}",
        f"{count(metrics.get('images_per_second'))} images/s",
        duration(metrics.get("seconds")),
    ]
    return ", ".join(parts)
