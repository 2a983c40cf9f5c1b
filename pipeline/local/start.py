"""Starts an execution in the local engine: checks, names and records it, then runs it to its end."""

from __future__ import annotations

import secrets
import string
import threading
import time
from collections.abc import Callable, Mapping

from pipeline.execution import ExecutionRecord, Observer, StepRecord
from pipeline.local.definition import Definition, parse_definition
from pipeline.local.engine import execute
from pipeline.local.home import Home
from pipeline.local.inputs import check_inputs, is_there
from pipeline.local.job import GRACES, Graces, time_text
from pipeline.local.jobs import LocalJobs
from pipeline.local.parameters import resolve_parameters
from pipeline.local.reaper import Reaper
from pipeline.local.service import LocalAws
from pipeline.local.store import Store

_ID_LENGTH = 12
_ID_LETTERS = string.ascii_lowercase + string.digits


def start_execution(
    definition_text: str,
    parameters: Mapping[str, object],
    *,
    home: Home,
    aws: LocalAws,
    store: Store,
    observer: Observer,
    stop: threading.Event,
    pipeline_name: str,
    target: str = "local",
    max_parallel: int | None = None,
    graces: Graces = GRACES,
    started: Callable[[str], None] = lambda execution_id: None,
) -> ExecutionRecord:
    """Execute a compiled definition and return its final record, which is in `store` too.

    `started` is told the execution's id before anything runs.

    Raises:
        UsageError: the definition or a parameter is wrong or asks for what the local engine does not support, or
            an input is missing; nothing was started.
        StateError: the state folder cannot be written.
    """
    definition = parse_definition(definition_text)
    values = resolve_parameters(definition, parameters)
    record = ExecutionRecord(
        execution_id=new_execution_id(),
        pipeline_name=pipeline_name,
        target=target,
        status="Executing",
        parameters=values,
        started_at=time.time(),
        steps=tuple(StepRecord(step.name, step.type) for step in definition.steps),
    )
    check_inputs(definition, values, lambda uri: is_there(aws, uri))
    # The registry's earlier versions must be there before a job registers the next.
    aws.restore_registry()
    started(record.execution_id)
    return run_record(
        definition, record, home=home, aws=aws, store=store, observer=observer, stop=stop,
        max_parallel=max_parallel, graces=graces,
    )  # fmt: skip


def run_record(
    definition: Definition,
    record: ExecutionRecord,
    *,
    home: Home,
    aws: LocalAws,
    store: Store,
    observer: Observer,
    stop: threading.Event,
    max_parallel: int | None,
    graces: Graces,
) -> ExecutionRecord:
    """Run what `record` has not done yet of `definition`; its steps that succeeded are kept."""
    pipeline_arn = f"arn:aws:sagemaker:{aws.REGION}:{aws.ACCOUNT}:pipeline/{record.pipeline_name.lower()}"
    variables = {
        "PipelineName": record.pipeline_name,
        "PipelineArn": pipeline_arn,
        "PipelineExecutionId": record.execution_id,
        "PipelineExecutionArn": f"{pipeline_arn}/execution/{record.execution_id}",
        "StartDateTime": time_text(record.started_at),
    }
    with Reaper() as reaper:
        return execute(
            definition,
            record.parameters,
            run_job=LocalJobs(
                home, aws, record.execution_id, reaper, graces, variables["PipelineExecutionArn"]
            ),
            execution=variables,
            record=record,
            save=lambda changed: store.save_execution(changed, definition.text),
            observer=observer,
            stop=stop,
            max_parallel=max_parallel,
        )


def new_execution_id() -> str:
    """Twelve lower-case letters and digits, as the service makes them."""
    return "".join(secrets.choice(_ID_LETTERS) for _ in range(_ID_LENGTH))
