"""The adapter to the SDK's local mode (sagemaker 3.27, as released), with which the local engine is compared.

What the SDK offers for running a pipeline locally does not work as a whole in this version: one of its two
LocalPipelineSession classes compiles steps, the other orchestrates them, and Pipeline.create and Pipeline.start
work with neither. Their parts do. So:

* ComposeSession is the compiling one. Its jobs (create_training_job, create_processing_job: docker compose, real
  containers) are passed through `run_job`, which adds to their environment what no definition should hold.
* WatchedExecution is the SDK's record of an execution, with an id of ours, that tells a listener of each step.
* execute_pipeline hands both to the SDK's LocalPipelineExecutor.

No function or class of the SDK is replaced.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from botocore.config import Config
from sagemaker.core.common_utils import _SENSITIVE_SYSTEM_PATHS
from sagemaker.core.config import config as sdk_config
from sagemaker.core.workflow.pipeline_context import LocalPipelineSession
from sagemaker.mlops.local.pipeline import LocalPipelineExecutor
from sagemaker.mlops.local.pipeline_entities import _LocalPipelineExecution

from pipeline.definition.compiling import NO_TELEMETRY
from pipeline.local.state.clients import CONFIG, LoopbackSession
from pipeline.local.state.credentials import Credentials

# What the SDK's local mode refuses to mount into containers: beginnings of paths.
FORBIDDEN_FOLDERS: tuple[str, ...] = tuple(_SENSITIVE_SYSTEM_PATHS)

CreateJob = Callable[..., None]


class StepListener(Protocol):
    """Is told of an execution's steps. What it raises ends the execution, and reaches the caller."""

    def step_started(self, name: str) -> None:
        """The step begins."""

    def step_succeeded(self, name: str, properties: Mapping[str, Any]) -> None:
        """The step ended; `properties` are its job's Describe response in the SDK's form."""

    def step_failed(self, name: str, reason: str) -> None:
        """The step failed; `reason` is "<class of the exception>: <its message>", or a Fail step's message."""


class ComposeSession(LocalPipelineSession):  # type: ignore[misc]
    """Compiles as PipelineSession does, and runs jobs in containers on this machine, one after another."""

    def __init__(self, endpoint_url: str, credentials: Credentials, bucket: str) -> None:
        """A session of the services at `endpoint_url`. Before anything runs, `connect` must be called.

        Containers get the `credentials`, too: those of the boto3 session made here.
        """
        # The SDK tells an object from a folder by the error that S3 gives to HeadObject. With the setting that the
        # rest of this project has, boto3 leaves that request out.
        config = CONFIG.merge(Config(response_checksum_validation="when_supported"))
        super().__init__(
            boto_session=LoopbackSession(endpoint_url, credentials, config), default_bucket=bucket
        )

    def connect(self, folder: Path, run_job: Callable[[CreateJob, str, dict[str, Any]], None]) -> None:
        """Say where the SDK makes its temporary folders, and what runs each of its jobs.

        `run_job(create, job_name, request)` is to call `create(job_name, **request)`, which returns when the job's
        container has ended, and raises when it failed.
        """
        self.config = {"local": {"container_root": str(folder)}}
        client = self.sagemaker_client
        for name in ("create_training_job", "create_processing_job"):
            setattr(client, name, _passed_through(run_job, getattr(type(client), name).__get__(client)))

    def _initialize(self, *args: Any, **kwargs: Any) -> None:
        # Without this the SDK would read defaults from the user's files, and end where one is broken.
        sdk_config._DEFAULT_LOCAL_MODE_CONFIG_FILE_PATH = os.devnull
        super()._initialize(*args, **{**kwargs, "sagemaker_config": NO_TELEMETRY})


class WatchedExecution(_LocalPipelineExecution):  # type: ignore[misc]
    """The SDK's record of an execution; tells a listener what the executor tells it."""

    def __init__(self, listener: StepListener, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._listener = listener

    def mark_step_executing(self, step_name: str) -> None:
        """The executor begins a step."""
        super().mark_step_executing(step_name)
        self._listener.step_started(step_name)

    def update_step_properties(self, step_name: str, step_properties: Mapping[str, Any]) -> None:
        """The executor has finished a step; also called for a Fail step, just before it fails."""
        super().update_step_properties(step_name, step_properties)
        if self.step_execution[step_name].type.value != "Fail":
            self._listener.step_succeeded(step_name, step_properties)

    def update_step_failure(self, step_name: str, failure_message: str) -> None:
        """The executor gives a step up. Raises the SDK's exception that ends the execution."""
        self._listener.step_failed(step_name, failure_message)
        super().update_step_failure(step_name, failure_message)


def execute_pipeline(
    pipeline: Any,
    session: ComposeSession,
    execution_id: str,
    parameters: Mapping[str, Any],
    listener: StepListener,
) -> None:
    """Run a pipeline's steps to the end, or to the first failure; how it went, the listener knows.

    `parameters` are those that differ from their defaults (the SDK takes no empty text), with the right types.
    """
    execution = WatchedExecution(
        listener,
        execution_id=execution_id,
        pipeline=pipeline,
        PipelineParameters=dict(parameters),
        local_session=session,
    )
    LocalPipelineExecutor(execution, session).execute()


def _passed_through(
    run_job: Callable[[CreateJob, str, dict[str, Any]], None], create: CreateJob
) -> Callable[..., None]:
    def run(job_name: str, **request: Any) -> None:
        run_job(create, job_name, request)

    return run
