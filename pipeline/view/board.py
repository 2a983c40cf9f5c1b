"""What the live view knows: the latest record of the execution, and each step's progress. Safe between threads."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from pipeline.execution import ExecutionRecord
from pipeline.view.loglines import EpochLine, ProgressLine, parse_line


@dataclass(frozen=True)
class StepProgress:
    """How far a step's training is. `fraction` is 0..1; `epoch` is the one running, the last one after the end."""

    fraction: float = 0.0
    epoch: int | None = None
    epochs: int | None = None
    finished: EpochLine | None = None

    def after(self, line: EpochLine | ProgressLine) -> StepProgress:
        """The progress once `line` has been read. It only grows, but for a first epoch, which starts anew."""
        if isinstance(line, EpochLine):
            fraction = line.epoch / line.epochs
            restarted = self.finished is not None and line.epoch <= self.finished.epoch
            return StepProgress(
                fraction if restarted else max(self.fraction, fraction),
                min(line.epoch + 1, line.epochs),
                line.epochs,
                line,
            )
        restarted = line.epoch is not None and self.epoch is not None and line.epoch < self.epoch
        return StepProgress(
            line.fraction if restarted else max(self.fraction, line.fraction),
            line.epoch or self.epoch,
            line.epochs or self.epochs,
            self.finished,
        )


@dataclass(frozen=True)
class Snapshot:
    """The board at one moment; `execution` is None until the first change was told."""

    execution: ExecutionRecord | None = None
    progress: Mapping[str, StepProgress] = field(default_factory=dict)


class Board:
    """Collects what an observer is told."""

    def __init__(self) -> None:
        # Reentrant: a signal's handler may print, and so draw, while its own thread is in here.
        self._lock = threading.RLock()
        self._execution: ExecutionRecord | None = None
        self._progress: dict[str, StepProgress] = {}

    def execution_changed(self, execution: ExecutionRecord) -> ExecutionRecord | None:
        """Keeps the new record and returns the one before, None the first time."""
        with self._lock:
            before, self._execution = self._execution, execution
            return before

    def type_of(self, step: str) -> str | None:
        """The type of the step of that name; None when it is not known."""
        with self._lock:
            steps = () if self._execution is None else self._execution.steps
            return next((each.type for each in steps if each.name == step), None)

    def log_line(self, step: str, line: str) -> EpochLine | None:
        """Reads a line of a step's log; returns the epoch that it says has ended, if it does."""
        parsed = parse_line(line)
        if parsed is None:
            return None
        with self._lock:
            self._progress[step] = self._progress.get(step, StepProgress()).after(parsed)
        return parsed if isinstance(parsed, EpochLine) else None

    def snapshot(self) -> Snapshot:
        """The board as it is now."""
        with self._lock:
            return Snapshot(self._execution, dict(self._progress))
