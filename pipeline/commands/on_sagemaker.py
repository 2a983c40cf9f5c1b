"""The commands about executions and models with `--target sagemaker`; one function for each, by its name."""

from __future__ import annotations

import argparse
import json
import os
import sys
import uuid
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from pipeline.commands.run import write_result
from pipeline.console import say
from pipeline.errors import UsageError
from pipeline.outcome import require_results, tell_faults
from pipeline.output_file import check_writable
from pipeline.printable import json_text
from pipeline.tracking.place import place_of_stack

if TYPE_CHECKING:
    from pipeline.aws.records import AwsExecution
    from pipeline.sagemaker_target import SageMakerTarget
    from pipeline.tracking.tracker import Tracker

INTERRUPTED = 130
LISTED = 20
ON = "--target sagemaker"


def open_target() -> SageMakerTarget:
    """The account and its stack."""
    from pipeline.sagemaker_target import open_sagemaker

    return open_sagemaker(os.environ)


def executions(args: argparse.Namespace) -> int:
    """Lists the newest executions."""
    from pipeline.result import run_result
    from pipeline.view.executions import print_executions

    found, older = open_target().executions.newest(LISTED)
    records = [each.record for each in found]
    if args.json:
        print(json_text([run_result(record, None, None, None) for record in records]))
    else:
        print_executions(records, sys.stdout)
    if older:
        say(f"{older} older ones are not listed; `show ID` shows them, too.")
    return 0


def show(args: argparse.Namespace) -> int:
    """Shows one execution in full; with --follow, follows it to its end and concludes as `run` does."""
    from pipeline.aws.digest import make_digest
    from pipeline.result import run_result
    from pipeline.view.executions import print_execution

    target = open_target()
    arn = target.executions.find(args.execution)
    if args.follow:
        args.json = None
        args.mlflow = place_of_stack(args.mlflow, target.stack)
        return watch(args, target, arn)
    execution = target.executions.read(arn)
    outcome = target.outcome(execution, predictions=False)
    if args.json:
        result = run_result(execution.record, outcome.evaluation, outcome.registration, outcome.report)
        print(json_text(result))
        require_results(execution.record, outcome)
        return 0
    print_execution(execution.record, outcome.evaluation, outcome.registration, outcome.report, sys.stdout)
    digest = make_digest(target.account, execution)
    print_remarks(
        target, execution, [*(each for step in digest.remarks.values() for each in step), *digest.general]
    )
    require_results(execution.record, outcome)
    return 0


def logs(args: argparse.Namespace) -> int:
    """Prints the log of a step's job, as far as it is written."""
    from pipeline.aws.joblogs import JobLog
    from pipeline.aws.plain_words import plain_words
    from pipeline.local.jobs.log_noise import is_noise

    target = open_target()
    execution = target.executions.read(target.executions.find(args.execution))
    record = execution.record
    names = [step.name for step in record.steps]
    doing = f"Reading the log of {args.step} in execution {record.execution_id}"
    if args.step not in names:
        raise UsageError(f"{doing}: expected one of its steps, {', '.join(names)}. Received: {args.step!r}.")
    job = execution.jobs.get(args.step)
    if job is None:
        step = record.step(args.step)
        raise UsageError(
            f"{doing}: expected a step that ran a job. Received: a step of type {step.type}, {step.status}."
        )
    if not job.own:
        say(f"{args.step} was reused: this is the log of execution {record.step(args.step).reused_from}.")
    with plain_words(doing):
        for line in JobLog(target.account.client("logs"), job).whole():
            if args.all or not is_noise(line):
                print(line)
    return 0


def stop(args: argparse.Namespace) -> int:
    """Stops an execution and waits until it reads Stopped."""
    from pipeline.aws.plain_words import plain_words
    from pipeline.aws.stopping import await_end

    target = open_target()
    execution = target.executions.read(target.executions.find(args.execution))
    name = execution.record.execution_id
    if execution.ended:
        raise UsageError(
            f"Stopping execution {name}: expected one that is running. Received: one that is "
            f"{execution.record.status}. Executions are listed by: python -m pipeline executions {ON}"
        )
    with plain_words(f"Stopping execution {name}"):
        target.client.stop_pipeline_execution(
            PipelineExecutionArn=execution.arn, ClientRequestToken=str(uuid.uuid4())
        )
    say(f"Stopping execution {name}; its jobs are given two minutes to end by themselves …")
    try:
        status = await_end(target.follower(), execution.arn)
    except KeyboardInterrupt:
        say(f"Interrupted. The execution goes on stopping. See: python -m pipeline show {name} {ON}")
        return INTERRUPTED
    print(f"{name} {status}")
    return 0


def resume(args: argparse.Namespace) -> int:
    """Continues an execution that failed or was stopped, under its own id; follows it as `run` does."""
    from pipeline.aws.plain_words import plain_words
    from pipeline.aws.stopping import await_restart

    if args.json is not None:
        check_writable(args.json)
    target = open_target()
    execution = target.executions.read(target.executions.find(args.execution))
    record = execution.record
    if not execution.ended or record.status == "Succeeded":
        way = f"Follow it with: python -m pipeline show {record.execution_id} --follow {ON}"
        if execution.ended:
            way = f"Start a new one with: python -m pipeline run {ON}"
        raise UsageError(
            f"Resuming execution {record.execution_id}: expected one that failed or was stopped. Received: one "
            f"that is {record.status}. {way}"
        )
    args.mlflow = place_of_stack(args.mlflow, target.stack)
    more = {} if record.parallel is None else {"MaxParallelExecutionSteps": record.parallel}
    with plain_words(f"Resuming execution {record.execution_id}"):
        target.client.retry_pipeline_execution(
            PipelineExecutionArn=execution.arn,
            ClientRequestToken=str(uuid.uuid4()),
            **({"ParallelismConfiguration": more} if more else {}),
        )
    await_restart(target.follower(), execution)
    return watch(args, target, execution.arn)


def report(args: argparse.Namespace) -> int:
    """Builds an execution's HTML report again from its results in the bucket."""
    target = open_target()
    execution = target.executions.read(target.executions.find(args.execution))
    outcome = target.outcome(execution, predictions=True)
    name = execution.record.execution_id
    require_results(execution.record, outcome)
    if outcome.evaluation is None:
        raise UsageError(
            f"Building the report of execution {name}: expected an execution whose evaluation step ended. "
            f"Received: one that is {execution.record.status}. See: python -m pipeline show {name} {ON}"
        )
    built = target.build_report(execution.record, outcome)
    target.publish_report(execution, built)
    print(built)
    return 0


def registry(args: argparse.Namespace) -> int:
    """Lists, shows, approves, rejects or promotes the models of the account's registry."""
    from pipeline.aws.plain_words import plain_words
    from pipeline.aws.results import report_file
    from pipeline.commands.registry import carry_out

    target = open_target()
    with plain_words(f"Calling registry {args.action}"):
        return carry_out(
            args,
            target.registry(args.group),
            lambda: None,  # SageMaker saves by itself
            lambda execution_id: report_file(target.home, execution_id),
        )


def definition(args: argparse.Namespace) -> int:
    """Prints the definition as it is compiled for the account: with its bucket, roles and region."""
    from pipeline.aws.stack import settings_for
    from pipeline.commands.graph import compile_choices, mlflow_app
    from pipeline.spec.validation import check_definition

    choices = compile_choices(args)
    target = open_target()
    choices["mlflow_app"] = mlflow_app(place_of_stack(args.mlflow, target.stack))
    settings = settings_for(target.account.id, target.account.region, target.stack, choices)
    text = target.compile(settings.for_monitor() if args.monitor else settings)
    check_definition(json.loads(text))
    sys.stdout.write(text)
    return 0


def watch(args: argparse.Namespace, target: SageMakerTarget, arn: str) -> int:
    """Follows the execution to its end, publishes it meanwhile where --mlflow says so, and concludes."""
    from pipeline.tracking.tracker import open_tracker

    with open_tracker(args.mlflow, target.home, say) as tracker:
        return conclude(args, target, follow(args, target, arn, tracker), tracker)


def follow(
    args: argparse.Namespace, target: SageMakerTarget, arn: str, tracker: Tracker | None = None
) -> AwsExecution | None:
    """Shows the execution until it has ended, and returns it; None after Ctrl-C, which leaves it running."""
    from pipeline.aws.records import id_of
    from pipeline.interrupts import interrupt_on_signals
    from pipeline.tracking.tracker import watched
    from pipeline.view import open_view

    try:
        with interrupt_on_signals(), open_view(sys.stderr, plain=True if args.plain else None) as view:
            return target.follower().follow(arn, watched(view, tracker))
    except KeyboardInterrupt:
        name = id_of(arn)
        say(
            f"Detached. Execution {name} goes on in AWS, and so does what it costs.\n"
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
    from pipeline.aws.digest import make_digest
    from pipeline.result import run_result
    from pipeline.view.failure import print_failure
    from pipeline.view.leaderboard import print_leaderboard

    if execution is None:
        return INTERRUPTED
    record = execution.record
    outcome = target.outcome(execution, predictions=True)
    built = None if outcome.evaluation is None else target.build_report(record, outcome)
    if built is not None:
        target.publish_report(execution, built)
    if args.json is not None:
        result = run_result(record, outcome.evaluation, outcome.registration, built)
        write_result(args.json, result, record.execution_id)
    if outcome.evaluation is not None:
        print_leaderboard(outcome.evaluation, outcome.registration or {}, record, built, sys.stdout)
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
    from pipeline.view.paper import open_paper, print_fact

    paper = open_paper(sys.stdout)
    bill = target.bill(execution)
    if bill is not None:
        print_fact(paper, "Cost", str(bill))
    for label, text in remarks:
        print_fact(paper, label, text)
