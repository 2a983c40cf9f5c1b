"""Follows an execution in SageMaker and says how it ended; the account that commands are carried out in."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from pipeline.analysis.evaluation import NOT_RECORDED
from pipeline.cli.commands.following import write_result
from pipeline.cli.entrance import INTERRUPTED
from pipeline.console import say
from pipeline.report.outcome import tell_faults

if TYPE_CHECKING:
    from pipeline.targets.aws.records import AwsExecution
    from pipeline.targets.sagemaker import SageMakerTarget
    from pipeline.tracking.tracker import Tracker

ON = "--target sagemaker"


def open_target() -> SageMakerTarget:
    """The account and its stack."""
    from pipeline.targets.sagemaker import open_sagemaker

    return open_sagemaker(os.environ)


def watch(args: argparse.Namespace, target: SageMakerTarget, arn: str) -> int:
    """Follows the execution to its end, publishes it meanwhile where --mlflow says so, and concludes."""
    from pipeline.tracking.tracker import open_tracker

    with open_tracker(args.mlflow, target.home, say) as tracker:
        return conclude(args, target, follow(args, target, arn, tracker), tracker)


def follow(
    args: argparse.Namespace, target: SageMakerTarget, arn: str, tracker: Tracker | None = None
) -> AwsExecution | None:
    """Shows the execution until it has ended, and returns it; None after Ctrl-C, which leaves it running."""
    from pipeline.interrupts import interrupt_on_signals
    from pipeline.targets.aws.records import id_of
    from pipeline.tracking.tracker import watched
    from pipeline.view import open_view

    try:
        with interrupt_on_signals(), open_view(sys.stderr, plain=True if args.plain else None) as view:
            return target.follower().follow(arn, watched(view, tracker))
    except KeyboardInterrupt:
        name = id_of(arn)
        say(
            f"Detached. Execution {name} continues in AWS and keeps incurring charges.\n"
            f"  Follow it again:  python -m pipeline show {name} --follow {ON}\n"
            f"  Stop it:          python -m pipeline stop {name} {ON}"
        )
        return None


def conclude(
    args: argparse.Namespace,
    target: SageMakerTarget,
    execution: AwsExecution | None,
    tracker: Tracker | None = None,
) -> int:
    """Says how the execution ended: on the terminal, in the report, as JSON, to `tracker`. Returns the exit
    status."""
    from pipeline.cli.result import run_result
    from pipeline.targets.aws.digest import make_digest
    from pipeline.view.failure import print_failure
    from pipeline.view.leaderboard import print_leaderboard

    if execution is None:
        return INTERRUPTED
    record = execution.record
    outcome = target.outcome(execution, predictions=True)
    built = None if outcome.evaluation is None else target.build_report(record, outcome)
    if built is not None:
        target.publish_report(execution, built)
    if args.result is not None:
        result = run_result(record, outcome.evaluation, outcome.registration, built)
        write_result(args.result, result, record.execution_id)
    if outcome.evaluation is not None:
        print_leaderboard(outcome.evaluation, outcome.registration or NOT_RECORDED, record, built, sys.stdout)
    digest = make_digest(target.account, execution)
    if record.status != "Succeeded":
        print_failure(record, digest.tails, sys.stdout, resumable=True, remarks=digest.remarks)
    print_remarks(target, execution, digest.general)
    tell_faults(record, outcome)
    if tracker is not None:
        tracker.conclude(record, replace(outcome, report=built), jobs=training_jobs(execution))
    if record.status == "Stopped":
        return INTERRUPTED
    return 0 if record.status == "Succeeded" else 1


def training_jobs(execution: AwsExecution) -> dict[str, str]:
    """The ARNs of the jobs of an execution's steps."""
    return {step: job.arn for step, job in execution.jobs.items()}


def print_remarks(
    target: SageMakerTarget, execution: AwsExecution, remarks: Sequence[tuple[str, str]]
) -> None:
    """What the execution has cost, and `remarks`: labels and texts."""
    from pipeline.view.terminal import open_console, print_fact

    console = open_console(sys.stdout)
    bill = target.bill(execution)
    if bill is not None:
        print_fact(console, "Cost", str(bill))
    for label, text in remarks:
        print_fact(console, label, text)


def ask(question: str) -> str:
    """The answer of whoever is at the terminal; nothing when they close it."""
    print(question, end="", file=sys.stderr, flush=True)
    return sys.stdin.readline()
