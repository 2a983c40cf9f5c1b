"""Publishes an execution while it runs: an observer beside the view, for which the run never waits."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from pipeline.execution import ExecutionRecord, Observer
from pipeline.local.state.state_dir import Home
from pipeline.report.outcome import Outcome
from pipeline.tracking.commit import commit_of_evaluation
from pipeline.tracking.describing import describe_execution
from pipeline.tracking.place import LOCAL, Place, find_place
from pipeline.tracking.publisher import Publisher
from pipeline.tracking.runs import Batch, Run
from pipeline.view.loglines import EpochLine, parse_line

_PAUSE_SECONDS = 1.0


class Tracker:
    """An execution.Observer. What it is told is published about once a second; a publisher that gave up is left
    alone."""

    def __init__(self, publisher: Publisher, say: Callable[[str], None], place: Place) -> None:
        self._publisher = publisher
        self._say = say
        self._place = place
        self._lock = threading.Lock()
        self._changed = threading.Event()
        self._ended = threading.Event()
        self._record: ExecutionRecord | None = None
        self._epochs: dict[str, list[EpochLine]] = {}
        self._sent: dict[str, Run] = {}
        self._last: tuple[ExecutionRecord, Outcome, Mapping[str, str] | None] | None = None
        self._thread = threading.Thread(target=self._work, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._changed.set()
        self._publisher.close()

    @property
    def record(self) -> ExecutionRecord | None:
        """The execution as it was told of last."""
        with self._lock:
            return self._record

    def execution_changed(self, execution: ExecutionRecord) -> None:
        """Keeps the record for the next time."""
        with self._lock:
            self._record = execution
        self._changed.set()

    def log_line(self, step: str, line: str) -> None:
        """Keeps the epoch that the line tells the end of, if it does."""
        if isinstance(parsed := parse_line(line), EpochLine):
            with self._lock:
                self._epochs.setdefault(step, []).append(parsed)
            self._changed.set()

    def conclude(
        self, record: ExecutionRecord, outcome: Outcome, jobs: Mapping[str, str] | None = None
    ) -> None:
        """Publishes how it ended, and waits for that. An interrupt ends the waiting, and nothing else."""
        with self._lock:
            self._last = record, outcome, jobs
        try:
            self._ended.set()
            self._changed.set()
            if self._publisher.finish():
                self._say(f"Published to MLflow: {self._place.name}.{_look(self._place)}")
        except KeyboardInterrupt:
            self._say(
                f"Interrupted while the execution was being published to MLflow. {later(record, self._place)}"
            )

    def _work(self) -> None:
        """What goes wrong here, whatever it is, is no reason for a run to fail or to wait."""
        try:
            self._publish_now_and_then()
            self._publish_end()
        except Exception as error:
            self._publisher.give_up(f"it could not be described ({type(error).__name__}: {error})")

    def _publish_now_and_then(self) -> None:
        while True:
            self._changed.wait()
            if self._ended.is_set():
                return
            self._changed.clear()
            with self._lock:
                record, epochs = self._record, self._known_epochs()
            if record is not None:
                self._send(record, describe_execution(record, epochs))
            self._ended.wait(_PAUSE_SECONDS)

    def _publish_end(self) -> None:
        with self._lock:
            last, epochs = self._last, self._known_epochs()
        if last is None:
            return  # It ended with an exception.
        record, outcome, jobs = last
        commit = commit_of_evaluation(outcome.evaluation)
        self._send(record, describe_execution(record, epochs, outcome, jobs, commit))
        self._publisher.end()

    def _known_epochs(self) -> dict[str, tuple[EpochLine, ...]]:
        return {step: tuple(each) for step, each in self._epochs.items()}

    def _send(self, record: ExecutionRecord, runs: tuple[Run, ...]) -> None:
        """Hands on the runs that are not what was sent of them last."""
        new = tuple(run for run in runs if self._sent.get(run.step) != run)
        self._sent |= {run.step: run for run in new}
        if new:
            self._publisher.send(Batch(record.pipeline_name, record.execution_id, new))


def _look(place: Place) -> str:
    return " Look at it with: python -m pipeline mlflow" if place.kind == "local" else ""


def later(record: ExecutionRecord | None, place: Place) -> str:
    """How to publish an execution to the same place later."""
    name = "ID" if record is None else record.execution_id
    target = "" if record is None else record.flag
    where = "" if place.kind == "local" else f" --mlflow {place.name}"
    if target and not where:
        where = f" --mlflow {LOCAL}"  # there the stack's app is what is meant otherwise
    return f"Publish it later with: python -m pipeline mlflow publish {name}{target}{where}"


@contextmanager
def open_tracker(
    where: str | None,
    home: Home,
    say: Callable[[str], None],
    environ: Mapping[str, str] | None = None,
) -> Iterator[Tracker | None]:
    """The tracker of an execution that is to be published to `where`, until the block ends; None where it is
    nowhere.

    `environ` is the user's environment, as it was before the local target took the account out of it.
    """
    if where is None:
        yield None
        return
    place = find_place(where, home)
    trackers: list[Tracker] = []

    def stopped(why: str) -> None:
        record = trackers[0].record if trackers else None
        say(
            f"Publishing to MLflow has stopped for this execution ({place.name}): {why}. "
            f"The execution is not affected. {later(record, place)}"
        )

    try:
        publisher = Publisher(place, os.environ if environ is None else environ, stopped)
    except OSError as error:  # no process, or no disk for its log
        stopped(error.strerror or str(error))
        yield None
        return
    tracker = Tracker(publisher, say, place)
    trackers.append(tracker)
    with tracker:
        yield tracker


class Both:
    """An observer that tells two."""

    def __init__(self, first: Observer, second: Observer) -> None:
        self._observers = first, second

    def execution_changed(self, execution: ExecutionRecord) -> None:
        """Tells both."""
        for each in self._observers:
            each.execution_changed(execution)

    def log_line(self, step: str, line: str) -> None:
        """Tells both."""
        for each in self._observers:
            each.log_line(step, line)


def watched(view: Observer, tracker: Tracker | None) -> Observer:
    """The view, and the tracker where there is one."""
    return view if tracker is None else Both(view, tracker)
