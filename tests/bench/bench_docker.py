"""Times the graph in the SageMaker SDK's own local mode, a container a step (see tests/sdk_local_mode)."""

from __future__ import annotations

import io
import logging
import tempfile
import time
import warnings
from collections.abc import Mapping
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from bench_graph import COMMAND, diamonds
from pipeline.local.jobs.launchers.containers.engine import EngineError, find_engine
from pipeline.local.state.local_aws import LocalAws
from pipeline.local.state.state_dir import Home
from pipeline.local.state.store import Store


class Failures:
    """Hears of steps that failed."""

    def __init__(self) -> None:
        self.reasons: list[str] = []

    def step_started(self, name: str) -> None:
        """See StepListener."""

    def step_succeeded(self, name: str, properties: Mapping[str, Any]) -> None:
        """See StepListener."""

    def step_failed(self, name: str, reason: str) -> None:
        """See StepListener."""
        self.reasons.append(f"{name}: {reason}")


def time_docker(steps: int, image: str) -> float:
    """Seconds from the start of an execution to its end; compiling is not counted.

    Raises:
        EngineError: there is no engine, or it lacks `image`.
    """
    engine = find_engine()
    if engine.find_image(image) is None:
        raise EngineError(f"The engine lacks the image {image}: make image")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from run_in_sdk import sdk_folder
        from sdk_session import ComposeSession, execute_pipeline
    # The SDK tells of each call that it makes.
    logging.disable(logging.WARNING)
    failures = Failures()
    with tempfile.TemporaryDirectory() as state:
        home = Home.open(Path(state))
        with Store(home) as store, LocalAws(home, store, engine.address.listens_at) as aws:
            aws.client("s3")
            session = ComposeSession(aws.endpoint_url, aws.credentials, aws.BUCKET)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # it says once more that nothing is started yet
                pipeline = _sdk_pipeline(steps, image, session)
            with sdk_folder() as folder, redirect_stdout(io.StringIO()):
                session.connect(folder, lambda create, job_name, request: create(job_name, **request))
                began = time.perf_counter()
                execute_pipeline(pipeline, session, "bench", {}, failures)
                seconds = time.perf_counter() - began
    if failures.reasons:
        raise RuntimeError(f"a step failed in Docker: {failures.reasons[0]}")
    return seconds


def _sdk_pipeline(steps: int, image: str, session: Any) -> Any:
    from sagemaker.core.processing import Processor
    from sagemaker.mlops.workflow.pipeline import Pipeline
    from sagemaker.mlops.workflow.steps import ProcessingStep

    processor = Processor(
        role="arn:aws:iam::123456789012:role/jobs",
        image_uri=image,
        instance_count=1,
        instance_type="local",
        entrypoint=list(COMMAND),
        sagemaker_session=session,
    )
    made = [
        ProcessingStep(node.name, processor.run(), depends_on=list(node.after)) for node in diamonds(steps)
    ]
    return Pipeline(name="bench", steps=made, sagemaker_session=session)
