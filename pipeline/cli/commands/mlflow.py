"""`mlflow`: show the executions in MLflow; `mlflow publish`: publish earlier ones."""

from __future__ import annotations

import argparse
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from pipeline.cli.commands.publishing import check_publishing, conclude, publish_batches
from pipeline.console import say
from pipeline.errors import UsageError
from pipeline.interrupts import stop_on_signals
from pipeline.local.state.history import read_execution, read_executions
from pipeline.local.state.state_dir import Home, home_from
from pipeline.local.state.store import Store
from pipeline.tracking.earlier import batch_of
from pipeline.tracking.place import LOCAL, Place, find_place
from pipeline.tracking.publisher import Publisher
from pipeline.tracking.runs import Batch

HOST = "127.0.0.1"
_SIGNAL_SECONDS = 0.2
_LOOK_SECONDS = 2.0


def main(args: argparse.Namespace) -> int:
    """Publishes what is asked for, or everything, and then shows it until Ctrl-C."""
    check_publishing(args)
    if args.action == "publish":
        return publish(args)
    return show(home_from(os.environ), args.port)


def publish(args: argparse.Namespace) -> int:
    """Publishes one execution, the latest if none is named, or all; returns the exit status."""
    home = home_from(os.environ)
    place = find_place(args.mlflow or LOCAL, home)
    with Store(home) as store:
        records = read_executions(home, store) if args.all else [read_execution(home, store, args.execution)]
        if not records:
            raise UsageError("There is no execution to publish yet. Start one with: python -m pipeline run")
        # Oldest first, so that the newest stands first in MLflow.
        batches = (batch_of(home, store, record) for record in reversed(records))
        done = publish_batches(place, batches)
    return conclude(done, len(records), place)


def show(home: Home, port: int) -> int:
    """Shows all executions, also those that run meanwhile, until Ctrl-C or SIGTERM."""
    from pipeline.inference.serving.server import bound_socket
    from pipeline.tracking.server import mlflow_server

    place = find_place(LOCAL, home)
    stop = threading.Event()
    with bound_socket(HOST, port) as listening, Store(home) as store:
        actual = listening.getsockname()[1]
        say("Starting MLflow …")
        with (
            stop_on_signals(stop),
            shown_live(home, store, place),
            mlflow_server(place.folder, listening, os.environ) as process,
        ):
            say(f"MLflow shows the executions at http://{HOST}:{actual}; Ctrl-C ends it.")
            # Not without a limit: see the command serve.
            while not stop.wait(_SIGNAL_SECONDS):
                if process.poll() is not None:
                    say(f"MLflow has ended by itself; see {place.folder}.")
                    return 1
    say("Ended.")
    return 0


@contextmanager
def shown_live(home: Home, store: Store, place: Place) -> Iterator[None]:
    """While the block lasts, publishes to the local store what the state folder has and gets."""
    ended = threading.Event()

    def stopped(why: str) -> None:
        if not ended.is_set():
            say(f"What is new is not shown any more: {why}.")

    publisher = Publisher(place, os.environ, stopped)

    def look() -> None:
        try:
            publish_new()
        except Exception as error:
            stopped(str(error))

    def publish_new() -> None:
        sent: dict[str, Batch] = {}
        over: set[str] = set()
        while not publisher.over:
            for record in reversed(read_executions(home, store)):
                if ended.is_set():
                    return
                if record.execution_id in over and record.ended:
                    continue
                batch = batch_of(home, store, record)
                if sent.get(record.execution_id) != batch:
                    publisher.send(batch)
                    sent[record.execution_id] = batch
                if record.ended:
                    over.add(record.execution_id)
                else:
                    over.discard(record.execution_id)
            if ended.wait(_LOOK_SECONDS):
                return

    looking = threading.Thread(target=look, daemon=True)
    looking.start()
    try:
        yield
    finally:
        ended.set()
        publisher.close()
        looking.join()
