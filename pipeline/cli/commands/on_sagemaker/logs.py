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
    step = record.step(args.step)
    job = execution.jobs.get(step.name)
    if job is None:
        raise UsageError(
            f"There is no log of {args.step} in execution {record.execution_id}: it ran no job (type "
            f"{step.type}, {step.status})."
        )
    if not job.own:
        say(f"{args.step} was reused: this is the log of execution {step.reused_from}.")
    with translate_errors(f"Reading the log of {args.step} in execution {record.execution_id}"):
        for line in JobLog(target.account.client("logs"), job).whole():
            if args.all or not is_noise(line):
                print(line)
    return 0
