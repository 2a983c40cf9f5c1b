"""`resume --target sagemaker`: continue an execution that failed or was stopped."""

from __future__ import annotations

import argparse
import uuid

from pipeline.cli.commands.choices import check_tracking
from pipeline.cli.commands.on_sagemaker.following import ON, open_target, watch
from pipeline.cli.output_file import check_writable
from pipeline.errors import UsageError
from pipeline.tracking.place import place_of_stack


def main(args: argparse.Namespace) -> int:
    """Continues an execution that failed or was stopped, under its own id; follows it as `run` does."""
    from pipeline.targets.aws.aws_errors import translate_errors
    from pipeline.targets.aws.stopping import await_restart

    check_tracking(args, account=True)
    if args.result is not None:
        check_writable(args.result)
    target = open_target()
    execution = target.executions.read(target.executions.find(args.execution))
    record = execution.record
    if not execution.ended or record.status == "Succeeded":
        way = f"Follow it with: python -m pipeline show {record.execution_id} --follow {ON}"
        if execution.ended:
            way = f"Start a new one with: python -m pipeline run {ON}"
        raise UsageError(
            f"Cannot resume execution {record.execution_id}: it is {record.status}, neither failed nor "
            f"stopped. {way}"
        )
    args.mlflow = place_of_stack(args.mlflow, target.stack)
    more = {} if record.parallel is None else {"MaxParallelExecutionSteps": record.parallel}
    with translate_errors(f"Resuming execution {record.execution_id}"):
        target.client.retry_pipeline_execution(
            PipelineExecutionArn=execution.arn,
            ClientRequestToken=str(uuid.uuid4()),
            **({"ParallelismConfiguration": more} if more else {}),
        )
    await_restart(target.follower(), execution)
    return watch(args, target, execution.arn)
