"""The publisher's process, against a real MLflow server and against servers that do not answer."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from pipeline.execution import ExecutionRecord
from pipeline.local.state.state_dir import Home
from pipeline.report.outcome import Outcome
from pipeline.tracking.describing import describe_execution
from pipeline.tracking.epochs import epochs_of
from pipeline.tracking.place import LOCAL, Place, find_place
from pipeline.tracking.publisher import Publisher
from pipeline.tracking.runs import Batch, Point, Run
from tests.e2e.command import ROOT, await_true
from tests.pipeline.tracking.mlflow_rest import Rest, served

Make = Callable[..., Any]
# A machine under load answers late, too.
PATIENT = 120.0
LOG = ["epoch=1/2 train_loss=0.5 seconds=2.0", "epoch=2/2 train_loss=nan seconds=2.0"]


def batch(record: ExecutionRecord, name: str, outcome: Outcome | None = None, log: list[str] = LOG) -> Batch:
    """The execution in an experiment of its own."""
    epochs = {step.name: epochs_of(log) for step in record.steps if step.type == "Training"}
    return Batch(name, record.execution_id, describe_execution(record, epochs, outcome, commit="0a1b"))


@contextmanager
def publisher(place: Place, reasons: list[str] | None = None, **limits: float) -> Iterator[Publisher]:
    """A publisher that fails the test when it gives up, unless `reasons` is there to take why."""
    given_up: list[str] = []
    limits = limits or {"call_seconds": PATIENT, "run_seconds": PATIENT}
    started = Publisher(place, os.environ, (given_up if reasons is None else reasons).append, **limits)
    try:
        yield started
    finally:
        started.close()
    assert given_up == []


def publish(place: Place, *batches: Batch) -> None:
    with publisher(place) as started:
        for each in batches:
            started.send(each)
        started.end()
        assert started.finish()


def at(server: Rest, tmp_path: Path) -> Place:
    return find_place(server.url, Home.open(tmp_path / "home"))


@pytest.fixture
def outcome(make_evaluation: Make, make_registration: Make, tmp_path: Path) -> Outcome:
    report = tmp_path / "report.html"
    report.write_text("<p>the report</p>")
    return Outcome(make_evaluation(), make_registration(), None, report)


def test_an_execution_is_published_and_publishing_it_again_adds_nothing(
    server: Rest, make_record: Make, outcome: Outcome, tmp_path: Path
) -> None:
    record, place = make_record(), at(server, tmp_path)
    publish(place, batch(record, "twice", outcome))
    runs = server.runs("twice")
    assert runs.keys() == {record.execution_id, "Train-baseline-0", "Train-cnn-3x3-0", "Train-cnn-5x5-0"}
    parent, child = runs[record.execution_id], runs["Train-cnn-3x3-0"]
    assert {runs[name]["tags"].get("mlflow.parentRunId") for name in runs} == {None, parent["id"]}
    assert {run["status"] for run in runs.values()} == {"FINISHED"}
    assert (parent["start"], parent["end"]) == (
        round(record.started_at * 1000),
        round(record.ended_at * 1000),
    )
    assert parent["files"] == ["evaluation.json", "report.html"]
    assert parent["params"]["Epochs"] == "3"
    assert parent["tags"]["fashion.model_package_version"] == "3"
    assert child["params"]["kernel-size"] == "3"
    begun = record.step("Train-cnn-3x3-0").started_at
    assert child["metrics"]["train_loss"] == [
        (1, 0.5, round((begun + 2) * 1000)),
        (2, "NaN", round((begun + 4) * 1000)),
    ]
    publish(place, batch(record, "twice", outcome))
    assert repr(server.runs("twice")) == repr(runs)


def test_what_was_forgotten_by_hand_is_told_from_what_is_there(
    server: Rest, make_record: Make, outcome: Outcome, tmp_path: Path
) -> None:
    """Somebody who changes the publisher's own tag in MLflow's pages doubles nothing."""
    record, place = make_record(), at(server, tmp_path)
    publish(place, batch(record, "forgotten", outcome))
    runs = server.runs("forgotten")
    for run in runs.values():
        server.ask("runs/set-tag", {"run_id": run["id"], "key": "fashion.published", "value": "oops"})
    publish(place, batch(record, "forgotten", outcome))
    assert repr(server.runs("forgotten")) == repr(runs)


def test_a_run_is_published_as_it_goes(server: Rest, make_record: Make, tmp_path: Path) -> None:
    ended = make_record()
    steps = tuple(
        replace(step, status="Executing", ended_at=None) if step.type == "Training" else step
        for step in ended.steps
    )
    running = replace(ended, status="Executing", ended_at=None, steps=steps)
    with publisher(at(server, tmp_path)) as started:
        started.send(batch(running, "live", log=LOG[:1]))
        await_true(lambda: "live" in experiments(server) and len(server.runs("live")) == 4, "four runs")
        await_true(lambda: "train_loss" in server.runs("live")["Train-cnn-5x5-0"]["metrics"], "an epoch")
        assert {run["status"] for run in server.runs("live").values()} == {"RUNNING"}
        started.send(batch(ended, "live"))
        started.end()
        assert started.finish()
    runs = server.runs("live")
    assert {run["status"] for run in runs.values()} == {"FINISHED"}
    assert [step for step, _, _ in runs["Train-cnn-5x5-0"]["metrics"]["train_loss"]] == [1, 2]


def experiments(server: Rest) -> set[str]:
    return {each["name"] for each in server.ask("experiments/search", {"max_results": 100})["experiments"]}


def test_a_resumed_execution_goes_on_in_its_run(server: Rest, make_record: Make, tmp_path: Path) -> None:
    record, place = make_record(), at(server, tmp_path)
    stopped = replace(record, status="Stopped", failure_reason="stopped")
    resumed = replace(record, status="Executing", ended_at=None)
    publish(place, batch(stopped, "resumed"))
    assert server.runs("resumed")[record.execution_id]["status"] == "KILLED"
    publish(place, batch(resumed, "resumed"))
    assert server.runs("resumed")[record.execution_id]["status"] == "RUNNING"
    publish(place, batch(record, "resumed"))
    assert server.runs("resumed")[record.execution_id]["status"] == "FINISHED"


def test_two_publishers_at_once_make_each_run_once(server: Rest, make_record: Make, tmp_path: Path) -> None:
    place, record = at(server, tmp_path), make_record()
    with publisher(place) as first, publisher(place) as second:
        for each in (first, second):
            each.send(batch(record, "both"))
            each.end()
        assert first.finish()
        assert second.finish()
    assert len(server.runs("both")) == 4


def test_a_publisher_that_has_seen_an_execution_finds_what_another_added(
    server: Rest, make_record: Make, tmp_path: Path
) -> None:
    place, record = at(server, tmp_path), make_record()
    whole = batch(record, "meanwhile")
    with publisher(place) as first:
        first.send(replace(whole, runs=whole.runs[:1]))
        await_true(lambda: "meanwhile" in experiments(server) and bool(server.runs("meanwhile")), "a run")
        publish(place, whole)
        first.send(whole)
        first.end()
        assert first.finish()
    assert len(server.runs("meanwhile")) == 4


def test_odd_names_and_long_texts_are_made_to_fit(server: Rest, tmp_path: Path) -> None:
    params = {"a/b?c": "1", "..": "2", "n" * 300: "3", "long": "x" * 7000, "kernel-size": "5"}
    points = tuple(Point("loss", float(step), step, step) for step in range(2500))
    run = Run("", "odd", "FINISHED", 1.0, 2.0, params, {"note": "y" * 9000}, points=points)
    publish(at(server, tmp_path), Batch("odd names", "0dd", (run,)))
    found = server.runs("odd names")["odd"]
    assert found["params"].keys() == {"a_b_c", "_", "n" * 250, "long", "kernel-size"}
    assert len(found["params"]["long"]) == 6000
    assert len(found["metrics"]["loss"]) == 2500


def test_an_experiment_in_the_bin_is_named_with_what_restores_it(server: Rest, tmp_path: Path) -> None:
    place, run = at(server, tmp_path), Run("", "x", "FINISHED", 1.0, 2.0)
    publish(place, Batch("binned", "b1", (run,)))
    server.ask("experiments/delete", {"experiment_id": server.experiment("binned")})
    reasons: list[str] = []
    with publisher(place, reasons) as started:
        started.send(Batch("binned", "b2", (run,)))
        started.end()
        assert not started.finish()
    assert "the experiment binned was deleted there. Restore it: mlflow experiments restore" in reasons[0]


def test_the_local_store_needs_no_server_and_any_folder_will_do(
    home: Home, make_record: Make, outcome: Outcome
) -> None:
    record = make_record()
    publish(find_place(LOCAL, home), batch(record, "local", outcome))
    with served(home.root / "mlflow") as rest:
        runs = rest.runs("local")
    assert runs[record.execution_id]["files"] == ["evaluation.json", "report.html"]
    stored = (
        home.root / "mlflow" / "artifacts" / runs[record.execution_id]["id"] / "artifacts" / "report.html"
    )
    assert stored.read_text() == "<p>the report</p>"
    assert [path.name for path in home.root.iterdir() if "mlruns" in path.name] == []


def test_a_server_that_never_answers_is_given_up(tmp_path: Path) -> None:
    reasons: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as silent:
        place = find_place(f"http://127.0.0.1:{silent.getsockname()[1]}", Home.open(tmp_path / "home"))
        with publisher(place, reasons, call_seconds=0.2, run_seconds=3.0) as started:
            started.send(Batch("never", "e", (Run("", "x", "RUNNING", 1.0),)))
            # Not only at the end: what a run loses is bounded while it goes on.
            await_true(lambda: started.over, "the publisher to give up")
            started.end()
            assert not started.finish()
    assert len(reasons) == 1
    assert "no answer within" in reasons[0] or "timed out" in reasons[0]


def test_a_server_that_goes_away_in_the_middle_is_given_up(
    empty_store: Path, make_record: Make, tmp_path: Path
) -> None:
    folder, reasons = tmp_path / "server", list[str]()
    folder.mkdir()
    shutil.copy(empty_store / "mlflow.db", folder)
    with served(folder) as rest:
        place = at(rest, tmp_path)
        with publisher(place, reasons, call_seconds=PATIENT, run_seconds=PATIENT) as started:
            started.send(batch(make_record(), "gone"))
            await_true(lambda: "gone" in experiments(rest) and len(rest.runs("gone")) == 4, "four runs")
            os.kill(server_process(folder).pid, signal.SIGKILL)
            started.send(Batch("other", "e", (Run("", "x", "RUNNING", 1.0),)))
            started.end()
            assert not started.finish()
    assert reasons
    assert reasons[0] in ("Connection refused", "Connection reset by peer")


def server_process(folder: Path) -> psutil.Process:
    """The MLflow server on the store in `folder`."""
    (found,) = (
        each
        for each in psutil.process_iter(["cmdline"])
        if "pipeline.tracking.server_process" in (each.info["cmdline"] or [])
        and str(folder) in each.info["cmdline"]
    )
    return found


def test_a_process_that_dies_is_said_and_hurts_nobody(tmp_path: Path) -> None:
    reasons: list[str] = []
    with publisher(find_place(LOCAL, Home.open(tmp_path / "home")), reasons) as started:
        os.kill(started.pid, signal.SIGKILL)
        await_true(lambda: started.over, "the death to be noticed")
        started.send(Batch("none", "e", ()))
        started.end()
        assert not started.finish()
    assert reasons[0].startswith("its process ended; see ")


PARENT = """
import os, sys, time
from pathlib import Path
from pipeline.local.state.state_dir import Home
from pipeline.tracking.place import find_place
from pipeline.tracking.publisher import Publisher
print(Publisher(find_place("local", Home.open(Path(sys.argv[1]))), os.environ, print).pid, flush=True)
time.sleep(600)
"""


def test_it_ends_with_the_command_however_that_ends(tmp_path: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path / "home")], cwd=ROOT, stdout=subprocess.PIPE
    )
    with parent:
        assert parent.stdout is not None
        process = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
    await_true(lambda: not process.is_running() or process.status() == psutil.STATUS_ZOMBIE, "its end")


def test_an_interrupt_is_the_commands_business(home: Home) -> None:
    """Ctrl-C reaches the whole foreground; the publisher has yet to say how the execution ended."""
    with publisher(find_place(LOCAL, home)) as started:
        time.sleep(0.2)
        assert os.getpgid(started.pid) != os.getpgid(0)
        started.send(Batch("after", "e", (Run("", "x", "KILLED", 1.0, 2.0),)))
        started.end()
        assert started.finish()
