"""Publishing an execution while it runs: what the publisher is handed, and when."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from pipeline.analysis.evaluation import Evaluation
from pipeline.execution import ExecutionRecord
from pipeline.local.state.state_dir import Home
from pipeline.report.outcome import Outcome
from pipeline.tracking.place import LOCAL, Place, find_place
from pipeline.tracking.runs import Batch, Run
from pipeline.tracking.tracker import Both, Tracker, later, open_tracker, watched
from tests.e2e.command import await_true

Make = Callable[..., Any]
NOTHING = Outcome(None, None, None, None)
LINE = "epoch=1/1 train_loss=0.5 seconds=2.0"


class Publisher:
    """Takes what the process would."""

    def __init__(self, published: bool = True, interrupted: bool = False) -> None:
        self.sent: list[Batch] = []
        self.ended = threading.Event()
        self.closed = False
        self.over = False
        self._published = published
        self._interrupted = interrupted
        self.reasons: list[str] = []

    def send(self, batch: Batch) -> None:
        assert not self.ended.is_set()
        self.sent.append(batch)

    def end(self) -> None:
        self.ended.set()

    def finish(self) -> bool:
        if self._interrupted:
            raise KeyboardInterrupt
        assert self.ended.wait(60)
        return self._published and not self.reasons

    def give_up(self, why: str) -> None:
        self.reasons.append(why)
        self.ended.set()

    def close(self) -> None:
        self.closed = True

    @property
    def newest(self) -> dict[str, Run]:
        """Of each step the run that was sent last."""
        return {run.step: run for batch in self.sent for run in batch.runs}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return find_place(LOCAL, Home.open(tmp_path / "home"))


def running(record: ExecutionRecord) -> ExecutionRecord:
    steps = tuple(
        replace(step, status="Executing", ended_at=None) if step.type == "Training" else step
        for step in record.steps
    )
    return replace(record, status="Executing", ended_at=None, steps=steps)


def tracker(publisher: Publisher, place: Place, said: list[str] | None = None) -> Tracker:
    return Tracker(publisher, (said if said is not None else []).append, place)  # type: ignore[arg-type]


def test_what_happens_is_handed_on_meanwhile_and_the_end_with_its_files(
    make_record: Make, make_evaluation: Make, place: Place
) -> None:
    record, publisher, said = make_record(), Publisher(), list[str]()
    with tracker(publisher, place, said) as tracking:
        tracking.execution_changed(running(record))
        tracking.log_line("Train-baseline-0", "TensorFlow says something")
        tracking.log_line("Train-baseline-0", LINE)
        await_true(
            lambda: bool(publisher.newest.get("Train-baseline-0", Run("", "", "RUNNING", 0)).points), "it"
        )
        assert publisher.newest["Train-baseline-0"].status == "RUNNING"
        tracking.conclude(record, Outcome(make_evaluation(), None, None, None))
    assert {run.status for run in publisher.newest.values()} == {"FINISHED"}
    assert [each.name for each in publisher.newest[""].artifacts] == ["evaluation.json"]
    assert publisher.closed
    assert said == [f"Published to MLflow: {place.name}. Look at it with: python -m pipeline mlflow"]


def test_a_run_that_has_not_changed_is_not_sent_again(make_record: Make, place: Place) -> None:
    record, publisher = make_record(), Publisher()
    with tracker(publisher, place) as tracking:
        tracking.execution_changed(running(record))
        await_true(lambda: len(publisher.sent) == 1, "the first batch")
        tracking.log_line("Train-baseline-0", LINE)
        await_true(lambda: len(publisher.sent) == 2, "the second")
        assert [run.step for run in publisher.sent[1].runs] == ["Train-baseline-0"]


def test_an_execution_that_raised_ends_the_publisher_at_once(place: Place) -> None:
    publisher = Publisher()
    with pytest.raises(RuntimeError), tracker(publisher, place):
        raise RuntimeError("a bug")
    assert publisher.closed
    assert not publisher.ended.is_set()


def test_what_cannot_be_described_is_no_reason_for_a_run_to_fail(make_record: Make, place: Place) -> None:
    publisher, said = Publisher(), list[str]()
    damaged = Outcome(cast(Evaluation, {"candidates": [{}]}), None, None, None)
    with tracker(publisher, place, said) as tracking:
        tracking.conclude(make_record(), damaged)
    assert publisher.reasons == ["it could not be described (KeyError: 'environment')"]
    assert said == []


def test_without_a_place_for_its_log_the_publisher_is_done_without(tmp_path: Path) -> None:
    home, said = Home.open(tmp_path / "home"), list[str]()
    (home.root / "mlflow" / "publisher.log").mkdir(parents=True)
    with open_tracker(LOCAL, home, said.append) as tracking:
        assert tracking is None
    (line,) = said
    assert line.startswith("Publishing to MLflow has stopped for this execution (the local store, ")
    assert "Is a directory. The execution is not affected." in line


def test_what_was_not_published_is_not_said_to_be(make_record: Make, place: Place) -> None:
    said: list[str] = []
    with tracker(Publisher(published=False), place, said) as tracking:
        tracking.conclude(make_record(), NOTHING)
    assert said == []


def test_an_interrupt_at_the_end_ends_the_waiting_alone(make_record: Make, place: Place) -> None:
    said, record = list[str](), make_record()
    with tracker(Publisher(interrupted=True), place, said) as tracking:
        tracking.conclude(record, NOTHING)
    assert said == [
        "Interrupted while the execution was being published to MLflow. Publish it later with: "
        f"python -m pipeline mlflow publish {record.execution_id}"
    ]


def test_later_is_said_with_target_and_place_and_without_a_password(make_record: Make, place: Place) -> None:
    record = make_record()
    command = f"Publish it later with: python -m pipeline mlflow publish {record.execution_id}"
    server = replace(place, kind="server", uri="http://me:secret@127.0.0.1:5000")
    assert later(record, place) == command
    assert later(record, server) == f"{command} --mlflow http://…@127.0.0.1:5000"
    on_aws = replace(record, target="sagemaker")
    assert later(on_aws, place) == f"{command} --target sagemaker --mlflow local"
    assert later(None, place) == "Publish it later with: python -m pipeline mlflow publish ID"


def test_without_the_flag_there_is_no_tracker_and_no_folder(tmp_path: Path) -> None:
    home = Home.open(tmp_path / "home")
    with open_tracker(None, home, print) as tracking:
        assert tracking is None
        view = Recorder()
        assert watched(view, tracking) is view
    assert not (home.root / "mlflow").exists()


class Recorder:
    """An observer that remembers."""

    def __init__(self) -> None:
        self.told: list[object] = []

    def execution_changed(self, execution: ExecutionRecord) -> None:
        self.told.append(execution)

    def log_line(self, step: str, line: str) -> None:
        self.told.append((step, line))


def test_both_are_told(make_record: Make) -> None:
    first, second, record = Recorder(), Recorder(), make_record()
    both = Both(first, second)
    both.execution_changed(record)
    both.log_line("Train", LINE)
    assert first.told == second.told == [record, ("Train", LINE)]
