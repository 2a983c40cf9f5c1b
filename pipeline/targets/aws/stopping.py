"""Waits until SageMaker has done what it was asked to: stopped an execution, or begun one again."""

from __future__ import annotations

from pipeline.errors import AwsError
from pipeline.targets.aws.follow import POLL_SECONDS, Follower
from pipeline.targets.aws.records import AwsExecution, id_of

# A job is given 120 s to end by itself; its instances take their time, too.
STOP_SECONDS = 600.0
RESTART_SECONDS = 120.0


def await_end(follower: Follower, arn: str) -> str:
    """The status of the execution once it has ended. Raises AwsError when that takes too long."""
    waited = 0.0
    while True:
        execution = follower.patiently(lambda: follower.executions.read_raw(arn), f"Stopping {id_of(arn)}")
        if execution.ended:
            return execution.record.status
        if waited >= STOP_SECONDS:
            raise AwsError(
                f"Execution {id_of(arn)} is still {execution.record.status} {STOP_SECONDS:.0f} s after it "
                f"was told to stop. See: python -m pipeline show {id_of(arn)} --target sagemaker"
            )
        follower.sleep(POLL_SECONDS)
        waited += POLL_SECONDS


def await_restart(follower: Follower, before: AwsExecution) -> None:
    """Returns once the execution no longer reads as it ended `before`: SageMaker takes a moment to say so.

    Raises AwsError when that takes too long.
    """
    waited = 0.0
    doing = f"Resuming execution {before.record.execution_id}"
    while True:
        execution = follower.patiently(lambda: follower.executions.read_raw(before.arn), doing)
        if not execution.ended or execution.record != before.record:
            return
        if waited >= RESTART_SECONDS:
            raise AwsError(
                f"{doing}: it still reads {execution.record.status} after {RESTART_SECONDS:.0f} s. See: "
                "python -m pipeline show --target sagemaker"
            )
        follower.sleep(POLL_SECONDS)
        waited += POLL_SECONDS
