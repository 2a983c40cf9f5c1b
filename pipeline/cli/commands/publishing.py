"""Publishes executions that have ended to MLflow, on every target."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable

from pipeline.cli.commands.choices import check_tracking
from pipeline.console import say
from pipeline.errors import UsageError
from pipeline.tracking.place import Place
from pipeline.tracking.publisher import Publisher
from pipeline.tracking.runs import Batch


def check_publishing(args: argparse.Namespace, *, account: bool = False) -> None:
    """Raises UsageError for what does not go together; `account`: an AWS account is asked in any case."""
    if args.action == "publish":
        if args.all and args.execution is not None:
            raise UsageError(f"Name an execution or say --all, not both (got {args.execution} --all).")
        check_tracking(args, account=account)
        return
    for flag, given in (("--all", args.all), ("--mlflow", args.mlflow), ("an execution", args.execution)):
        if given:
            raise UsageError(
                f"`mlflow` shows all executions in the local store, and takes no {flag}. Publish with: "
                "python -m pipeline mlflow publish"
            )


def publish_batches(place: Place, batches: Iterable[Batch]) -> bool:
    """Publishes them in one go and returns whether that was done; what stopped it is said."""

    def stopped(why: str) -> None:
        say(f"error: Publishing to MLflow has stopped ({place.name}): {why}.")

    publisher = Publisher(place, os.environ, stopped)
    try:
        for batch in batches:
            publisher.send(batch)
        publisher.end()
        return publisher.finish()
    finally:
        publisher.close()


def conclude(done: bool, number: int, place: Place) -> int:
    """Says what was published, if it was; returns the exit status."""
    if done:
        print(f"Published {number} execution{'s' * (number > 1)} to {place.name}.")
    return 0 if done else 1
