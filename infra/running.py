"""What runs with the stack's resources: executions of the pipeline, and the rules that would start more of them.

Nothing that an execution uses can be deleted while it runs: SageMaker refuses to delete its pipeline, and its jobs
go on writing to the bucket. So `destroy` stops it first, and waits until it has ended.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import ClientError

from infra.aws import Aws
from infra.stack import InfraError

# Logical names in stack.yaml of the rules that start an execution or a deployment.
RULES = ("ScheduleRule", "UploadRule", "MonitorRule", "RetrainRule", "ApprovedModelRule")
RUNNING = ("Executing", "Stopping")
ENDED = ("ConflictException", "ResourceNotFound", "ValidationException")
POLL_SECONDS = 15.0
STOP_SECONDS = 900.0
"""A job is given two minutes to end by itself, and its instances take some more."""


class Running:
    """The executions of the project's pipelines, and the stack's rules, whose physical names are in `names`."""

    def __init__(self, aws: Aws, names: Mapping[str, str], sleep: Callable[[float], None]) -> None:
        self.aws = aws
        self.rules = [names[name] for name in RULES if name in names]
        self.sleep = sleep

    def executions(self, pipeline: str) -> dict[str, str]:
        """The states of the executions of a pipeline that have not ended, by their ARNs."""
        pages = self.aws.client("sagemaker").get_paginator("list_pipeline_executions")
        return {
            each["PipelineExecutionArn"]: each["PipelineExecutionStatus"]
            for page in pages.paginate(PipelineName=pipeline)
            for each in page["PipelineExecutionSummaries"]
            if each.get("PipelineExecutionStatus") in RUNNING
        }

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Nothing of the stack starts by itself any more; the rules are enabled again when the block fails."""
        events = self.aws.client("events")
        done: list[str] = []
        try:
            for rule in self.rules:
                if _exists(events.disable_rule, Name=rule):
                    done.append(rule)
            yield
        except BaseException:
            for rule in done:
                _exists(events.enable_rule, Name=rule)
            raise

    def stop(self, pipeline: str, say: Callable[[str], None]) -> None:
        """Stops the executions of a pipeline that run and waits until none does any more.

        Raises:
            InfraError: one does not end.
        """
        asked: set[str] = set()
        waited = 0.0
        while running := self.executions(pipeline):
            for arn, status in running.items():
                if status == "Executing" and arn not in asked:
                    say(f"Stopping the execution {arn.rpartition('/')[2]} …")
                    self._ask_to_stop(arn)
                    asked.add(arn)
            if waited >= STOP_SECONDS:
                listed = ", ".join(arn.rpartition("/")[2] for arn in running)
                raise InfraError(
                    f"Could not delete what the stack holds: after {STOP_SECONDS / 60:.0f} minutes the pipeline "
                    f"{pipeline} still runs ({listed}). Nothing was deleted. Look at it in Studio, or with "
                    "python -m pipeline executions --target sagemaker; then run the same command again."
                )
            self.sleep(POLL_SECONDS)
            waited += POLL_SECONDS

    def _ask_to_stop(self, arn: str) -> None:
        try:
            self.aws.client("sagemaker").stop_pipeline_execution(PipelineExecutionArn=arn)
        except ClientError as error:  # it has ended by itself meanwhile: the next look says so
            if error.response["Error"]["Code"] not in ENDED:
                raise


def _exists(call: Callable[..., Any], **arguments: str) -> bool:
    """Calls it; whether there is what it is about."""
    try:
        call(**arguments)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        return False
    return True
