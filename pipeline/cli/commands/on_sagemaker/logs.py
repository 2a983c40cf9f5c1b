"""`logs --target sagemaker`: print the log of one step's job."""

from __future__ import annotations

import argparse

from pipeline.cli.commands.on_sagemaker.following import open_target
from pipeline.console import say
from pipeline.errors import UsageError


def main(args: argparse.Namespace) -> int:
    """Prints the log of a step's job, as far as it is written."""
    from pipeline.local.jobs.log_noise import is_noise
    from pipeline.targets.aws.aws_errors import translate_errors
    from pipeline.targets.aws.joblogs import JobLog

    target = open_target()
    execution = target.executions.read(target.executions.find(args.execution))
    record = execution.record
    names = [step.name for step in record.steps]
    doing = f"Reading the log of {args.step} in execution {record.execution_id}"
    if args.step not in names:
        raise UsageError(
            f"Execution {record.execution_id} has no step {args.step!r}. Its steps: {', '.join(names)}."
        )
    job = execution.jobs.get(args.step)
    if job is None:
        step = record.step(args.step)
        raise UsageError(
            f"There is no log of {args.step} in execution {record.execution_id}: it ran no job (type "
            f"{step.type}, {step.status})."
        )
    if not job.own:
        say(f"{args.step} was reused: this is the log of execution {record.step(args.step).reused_from}.")
    with translate_errors(doing):
        for line in JobLog(target.account.client("logs"), job).whole():
            if args.all or not is_noise(line):
                print(line)
    return 0
