"""Runs what an execution has not done yet: its jobs, their cache, and what ends them if we are killed."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from pipeline.execution import ExecutionRecord, Observer
from pipeline.local.engine.cached_jobs import CachedJobs
from pipeline.local.engine.scheduler import execute
from pipeline.local.engine.stop_of_one import StopOf
from pipeline.local.engine.tuning.kept import Kept
from pipeline.local.jobs.core_pool import CorePool
from pipeline.local.jobs.functions import handler
from pipeline.local.jobs.functions.handler import Function, assign_handlers
from pipeline.local.jobs.interpreter import Interpreter, this_interpreter
from pipeline.local.jobs.job import Graces, time_text
from pipeline.local.jobs.joblog import JobLog
from pipeline.local.jobs.launchers.launcher import Launcher, launcher_for
from pipeline.local.jobs.local_jobs import LocalJobs
from pipeline.local.jobs.programs import Programs
from pipeline.local.jobs.reaper import Reaper
from pipeline.local.jobs.stand_in import StandIn, from_json
from pipeline.local.jobs.transform.models import model_finder
from pipeline.local.jobs.used_folders import UsedFolders
from pipeline.local.state.cache import StepCache
from pipeline.local.state.local_aws import LocalAws
from pipeline.local.state.lock import Held
from pipeline.local.state.plain_path import plain_path
from pipeline.local.state.state_dir import Home
from pipeline.local.state.store import Store
from pipeline.spec.definition import Definition


def programs_of(
    definition: Definition, stand_ins: Sequence[StandIn], python: Interpreter | None, in_images: bool
) -> Programs:
    """What the jobs run in the place of images; `in_images`: they run in these."""
    has_xgboost = not in_images and (python or this_interpreter()).has("xgboost")
    return Programs.of(definition, stand_ins, has_xgboost=has_xgboost, in_images=in_images)


def _functions(definition: Definition, record: ExecutionRecord) -> dict[str, Function]:
    """What the steps that are still to run call."""
    to_run = {step.name for step in record.steps if step.status == "Pending"}
    return assign_handlers(definition, record.parameters, handler.from_json(record.handlers), to_run)


def run_record(
    definition: Definition,
    record: ExecutionRecord,
    *,
    home: Home,
    aws: LocalAws,
    store: Store,
    observer: Observer,
    stop: threading.Event,
    lock: Held | None,
    graces: Graces,
    launcher: Launcher,
    python: Interpreter | None,
    pool: CorePool | None,
    stop_of: StopOf | None,
) -> ExecutionRecord:
    """Run what `record` has not done yet of `definition`; its steps that succeeded are kept.

    Arguments and errors as of start_execution, which has checked all that can be checked before.
    """
    # The server must have the registry's earlier versions when a job registers the next.
    aws.check_registry()
    if lock is not None:
        lock.by_execution(record.execution_id)
    pipeline_arn = f"arn:aws:sagemaker:{aws.REGION}:{aws.ACCOUNT}:pipeline/{record.pipeline_name.lower()}"
    variables = {
        "PipelineName": record.pipeline_name,
        "PipelineArn": pipeline_arn,
        "PipelineExecutionId": record.execution_id,
        "PipelineExecutionArn": f"{pipeline_arn}/execution/{record.execution_id}",
        "StartDateTime": time_text(record.started_at),
    }

    def say(step: str, line: str) -> None:
        path = home.step_log(record.execution_id, step)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with JobLog(path, lambda text: observer.log_line(step, text)) as log:
                log.say(line)
        except OSError:
            # The file cannot be written, perhaps on a full disk: the step must not fail for this line.
            observer.log_line(step, f"[local] {line}")

    # The reaper holds the state folder too: if we are killed, the next command waits until no job is left.
    with (
        launcher.around_execution() as cleaning,
        Reaper(holding=None if lock is None else lock.descriptor, afterwards=cleaning) as reaper,
        plain_path(home.root) as reached_at,
        UsedFolders(home.scratch) as used,
    ):
        jobs = LocalJobs(
            home,
            aws,
            record.execution_id,
            reaper,
            graces,
            variables["PipelineExecutionArn"],
            launcher=launcher,
            reached_at=reached_at,
            programs=programs_of(definition, from_json(record.stand_ins), python, record.images is not None),
            python=python,
            functions=_functions(definition, record),
            find_model=model_finder(aws, store),
            cores=pool,
            used=used,
        )
        cached = CachedJobs(
            jobs,
            StepCache(home, store),
            record.pipeline_name,
            record.execution_id,
            reuse=record.use_cache,
            say=say,
            image=jobs.image,
            keep_inputs=jobs.keep_inputs,
        )
        return execute(
            definition,
            record.parameters,
            run_job=cached,
            kept=Kept(cached, home, record.execution_id),
            execution=variables,
            record=record,
            save=lambda changed: store.save_execution(changed, definition.text),
            observer=observer,
            stop=stop,
            say=say,
            max_parallel=record.parallel,
            cores=None if pool is None else pool.cores,
            stop_of=stop_of,
            launcher=lambda step_type: launcher_for(launcher, step_type).name,
        )
