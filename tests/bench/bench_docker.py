"""Times the graph in the SageMaker SDK's own local mode, a container a step, through this project's adapter."""

from __future__ import annotations

import logging
import tempfile
import threading
import time
import warnings
from pathlib import Path
from typing import Any

from bench_graph import COMMAND, diamonds
from bench_local import Silent
from pipeline.docker.engine import find_address, require_engine, require_image
from pipeline.docker.recorder import new_record
from pipeline.docker.workplace import make_workplace
from pipeline.local.state.local_aws import LocalAws
from pipeline.local.state.state_dir import Home
from pipeline.local.state.store import Store
from pipeline.spec.parsing import parse_definition


def time_docker(steps: int, image: str) -> float:
    """Seconds from the start of an execution to its end; compiling is not counted.

    Raises:
        DockerError: there is no engine, or it lacks `image`.
    """
    require_engine()
    require_image(image)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pipeline.docker.session import FORBIDDEN_FOLDERS, ComposeSession
    # The SDK tells of each call that it makes.
    logging.disable(logging.WARNING)
    from pipeline.docker.run import run_pipeline

    with tempfile.TemporaryDirectory() as folder:
        home = Home.open(Path(folder))
        with Store(home) as store, LocalAws(home, store, find_address().listens_at) as aws:
            aws.client("s3")
            session = ComposeSession(aws.endpoint_url, aws.credentials, aws.BUCKET)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # it says once more that nothing is started yet
                pipeline = _sdk_pipeline(steps, image, session)
            definition = parse_definition(pipeline.definition())
            workplace = make_workplace(home, image, FORBIDDEN_FOLDERS)
            try:
                began = time.perf_counter()
                record = run_pipeline(
                    pipeline,
                    session,
                    definition,
                    new_record("bench", "bench", "docker", definition, {}),
                    workplace=workplace,
                    environment={},
                    log_path=lambda step: home.step_log("bench", step),
                    persist=lambda: None,
                    save=lambda changed: store.save_execution(changed, definition.text),
                    observer=Silent(),
                    stop=threading.Event(),
                )
                seconds = time.perf_counter() - began
            finally:
                workplace.remove()
    if record.status != "Succeeded":
        raise RuntimeError(f"the execution in Docker ended as {record.status}: {record.failure_reason}")
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
