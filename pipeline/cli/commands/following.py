"""Starts or resumes an execution in the local engine and follows it to its end."""

from __future__ import annotations

import argparse
import sys
import threading
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.cli.commands.choices import read_images, read_programs
from pipeline.cli.entrance import INTERRUPTED
from pipeline.console import say
from pipeline.errors import StateError
from pipeline.printable import json_text

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from pipeline.definition.parameters import Value
    from pipeline.execution import ExecutionRecord, Observer
    from pipeline.spec.definition import Definition
    from pipeline.targets.local import Choices, LocalTarget
    from pipeline.tracking.tracker import Tracker


def execute(
    args: argparse.Namespace,
    target: LocalTarget,
    definition: str | Definition,
    values: dict[str, Value],
    choices: Choices,
) -> int:
    """Starts an execution and follows it to its end; returns the exit status."""
    return follow(args, target, lambda view, stop: target.run(definition, values, view, stop, choices))


def read_choices(args: argparse.Namespace, source: ExecutionRecord | None) -> Choices:
    """How the execution is to run, and what is uploaded for it.

    Raises:
        UsageError: a choice is not what it should be, or a file that it names is not there.
    """
    from pipeline.local.jobs.functions.handler import parse_handler
    from pipeline.local.jobs.uploads import parse_upload
    from pipeline.targets.local import Choices

    stand_ins, python = read_programs(args)
    return Choices(
        jobs_at_once(args),
        not args.no_cache,
        args.only,
        source,
        args.launcher,
        stand_ins,
        python,
        [parse_handler(each, Path.cwd()) for each in args.handler],
        read_images(args),
        [parse_upload(each) for each in args.upload],
    )


def jobs_at_once(args: argparse.Namespace) -> int | None:
    """The most jobs at once: of a search as many as there are cores, unless --parallel says it."""
    if args.parallel is not None or args.tune is None:
        parallel: int | None = args.parallel
        return parallel
    from pipeline.local.engine.cores import available_cores

    return available_cores()


def follow(
    args: argparse.Namespace,
    target: LocalTarget,
    run: Callable[[Observer, threading.Event], ExecutionRecord],
) -> int:
    """Shows what `run` does until it ends, writes the report and the result; returns the exit status."""
    from pipeline.interrupts import stop_on_signals
    from pipeline.view import open_view

    stop = threading.Event()
    with _tracker(args, target) as tracker:
        with open_view(sys.stderr, plain=True if args.plain else None) as view, stop_on_signals(stop):
            record = run(_watched(view, tracker), stop)
        return conclude(args, target, record, tracker)


def _tracker(args: argparse.Namespace, target: LocalTarget) -> AbstractContextManager[Tracker | None]:
    if args.mlflow is None:
        return nullcontext()
    from pipeline.tracking.tracker import open_tracker

    return open_tracker(args.mlflow, target.home, say, args.environ)


def _watched(view: Observer, tracker: Tracker | None) -> Observer:
    if tracker is None:
        return view
    from pipeline.tracking.tracker import watched

    return watched(view, tracker)


def conclude(
    args: argparse.Namespace, target: LocalTarget, record: ExecutionRecord, tracker: Tracker | None = None
) -> int:
    """Says how the execution ended: on the terminal, in the report, in the JSON file, and to `tracker`."""
    from pipeline.cli.result import run_result
    from pipeline.report.outcome import tell_faults
    from pipeline.targets.local_outcome import log_tails, provide_report, read_outcome

    outcome = read_outcome(target.home, target.store, record)
    report = None if outcome.evaluation is None else provide_report(target.home, record, outcome)
    if args.result is not None:
        result = run_result(record, outcome.evaluation, outcome.registration, report)
        write_result(args.result, result, record.execution_id)
    # What is not printed needs no library for printing (0.1 s).
    if outcome.evaluation is not None:
        from pipeline.analysis.evaluation import NOT_RECORDED
        from pipeline.view.leaderboard import print_leaderboard

        print_leaderboard(
            outcome.evaluation, outcome.registration or NOT_RECORDED, record, report, sys.stdout
        )
    if record.status != "Succeeded":
        from pipeline.view.failure import print_failure

        print_failure(record, log_tails(target.home, record), sys.stdout, resumable=True)
    tell_faults(record, outcome)
    if tracker is not None:
        tracker.conclude(record, replace(outcome, report=report))
    if record.status == "Stopped":
        return INTERRUPTED
    return 0 if record.status == "Succeeded" else 1


def write_result(file: Path, result: dict[str, Any], execution_id: str) -> None:
    """Writes `result` as JSON; raises StateError when the disk does not take it."""
    try:
        file.write_text(json_text(result) + "\n", encoding="utf-8")
    except OSError as error:
        raise StateError(
            f"Could not write the result to {file}: {error.strerror}. The execution has ended; get its result "
            f"with: python -m pipeline show {execution_id} --json"
        ) from None
