"""`stop --target sagemaker`: stop an execution, and wait until it reads Stopped."""

from __future__ import annotations

import argparse
import uuid

from pipeline.cli.commands.on_sagemaker.following import ON, open_target
from pipeline.cli.entrance import INTERRUPTED
from pipeline.console import say
from pipeline.errors import UsageError


def main(args: argparse.Namespace) -> int:
    """Stops an execution and waits until it reads Stopped."""
    from pipeline.targets.aws.aws_errors import translate_errors
    from pipeline.targets.aws.stopping import await_end

    target = open_target()
    execution = target.executions.read(target.executions.find(args.execution))
    name = execution.record.execution_id
    if execution.ended:
        raise UsageError(
            f"Cannot stop execution {name}: it is {execution.record.status}, not running. Executions are "
            f"listed by: python -m pipeline executions {ON}"
        )
    with translate_errors(f"Stopping execution {name}"):
        target.client.stop_pipeline_execution(
            PipelineExecutionArn=execution.arn, ClientRequestToken=str(uuid.uuid4())
        )
    say(f"Stopping execution {name}; its jobs are given two minutes to end by themselves …")
    try:
        status = await_end(target.follower(), execution.arn)
    except KeyboardInterrupt:
        say(f"Interrupted. The execution is still stopping. See: python -m pipeline show {name} {ON}")
        return INTERRUPTED
    print(f"{name} {status}")
    return 0
