"""Starts an execution in the local engine, or continues one: checks, names and records it, and lets it run."""

from __future__ import annotations

import os
import secrets
import string
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from pipeline.execution import ExecutionRecord, Observer, StepRecord
from pipeline.formatting import plural
from pipeline.local.engine.resume import execution_to_resume
from pipeline.local.engine.running import programs_of, run_record
from pipeline.local.engine.selected_steps import select_steps
from pipeline.local.engine.stop_of_one import StopOf
from pipeline.local.jobs.core_pool import CorePool
from pipeline.local.jobs.functions import handler
from pipeline.local.jobs.functions.handler import Handler, assign_handlers
from pipeline.local.jobs.inputs import check_inputs, is_there
from pipeline.local.jobs.interpreter import Interpreter, find_interpreter, this_interpreter
from pipeline.local.jobs.job import GRACES, Graces
from pipeline.local.jobs.launchers.choice import Wanted, choose_launcher
from pipeline.local.jobs.launchers.launcher import Launcher
from pipeline.local.jobs.programs import check_for_containers, check_programs
from pipeline.local.jobs.stand_in import StandIn, check_stand_ins, from_json, to_json, visible_paths
from pipeline.local.jobs.transform.models import containers_ahead, model_finder
from pipeline.local.jobs.uploads import Upload, put_files, will_be_there
from pipeline.local.state import clock
from pipeline.local.state.local_aws import LocalAws
from pipeline.local.state.lock import Held
from pipeline.local.state.state_dir import Home
from pipeline.local.state.store import Store
from pipeline.spec.definition import Definition, Json, Step
from pipeline.spec.parameters import resolve_parameters
from pipeline.spec.parsing import parse_definition

if TYPE_CHECKING:
    from pipeline.local.jobs.launchers.containers.images import ImageChoice
    from pipeline.local.jobs.launchers.sandbox import Trial

_ID_LENGTH = 12
_ID_LETTERS = string.ascii_lowercase + string.digits


def start_execution(
    compiled: str | Definition,
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
    use_cache: bool = True,
    only: Sequence[str] = (),
    source: ExecutionRecord | None = None,
    lock: Held | None = None,
    graces: Graces = GRACES,
    launcher: Wanted = "auto",
    explain: Callable[[str], None] = lambda line: None,
    stand_ins: Sequence[StandIn] = (),
    python: Interpreter | None = None,
    handlers: Sequence[Handler] = (),
    execution_id: str | None = None,
    images: Sequence[ImageChoice] = (),
    pool: CorePool | None = None,
    stop_of: StopOf | None = None,
    uploads: Sequence[Upload] = (),
    trial: Trial | None = None,
) -> ExecutionRecord:
    """Execute a compiled definition and return its final record, which is in `store` too.

    Args:
        compiled: the definition's text, or what was read of that and checked.
        max_parallel: the most jobs at once; None: what the definition says.
        use_cache: whether steps may be reused, where their CacheConfig allows it.
        only: the steps to run, on what the execution `source` left; empty: all.
        lock: the state folder's, if it is held.
        launcher: how to start jobs' programs; `explain` is told why it is not the best way, if it is not.
        stand_ins: what runs in the place of images; python: what jobs run with, None: what runs this.
        handlers: what Lambda and Callback steps call.
        execution_id: how the execution is called, which none was before; None: by a new name.
        images: with the launcher "container", the images of steps, or in the place of others.
        pool: the cores that its jobs share with those of other executions; None: it has all of them.
        stop_of: what stops one step, by its name; None: they are stopped together.
        uploads: what is put into the local S3 before, if nothing is refused; `explain` is told.
        trial: what tries the sandbox already; see choose_launcher.

    Raises:
        UsageError: the definition, a parameter or a choice is wrong or asks for what the local engine does not
            support, or an input is missing; nothing was started.
        StateError: the state folder cannot be written.
    """
    definition = parse_definition(compiled) if isinstance(compiled, str) else compiled
    values = resolve_parameters(definition, parameters)
    steps = tuple(StepRecord(step.name, step.type) for step in definition.steps)
    if only and source is not None:
        steps = select_steps(definition, only, source)
    to_run = {step.name for step in steps if step.status == "Pending"}
    selected = replace(definition, steps=tuple(step for step in definition.steps if step.name in to_run))
    in_containers = launcher == "container"
    if in_containers:
        check_for_containers(stand_ins, python)
    else:
        check_stand_ins(stand_ins, python or this_interpreter(), os.environ)
    find_model = model_finder(aws, store)

    def containers(step: Step) -> list[dict[str, Json]] | None:
        return containers_ahead(step, definition, values, find_model)

    programs = programs_of(definition, stand_ins, python, in_containers)
    check_programs(selected, values, programs, containers, definition)
    uploaded = will_be_there(uploads)
    check_inputs(selected, values, lambda uri: uploaded(uri) or is_there(aws, uri))
    assign_handlers(definition, values, handlers, to_run)
    if python is None:
        handler.check_syntax(handlers)
    chosen = _choose_launcher(launcher, home, explain, stand_ins, python, handlers, images, trial)
    if in_containers:
        _check_containers(chosen, selected, values, home, aws, containers, definition)
    for upload, count in zip(uploads, put_files(aws, uploads), strict=True):
        explain(f"{upload.path} → {upload.uri} ({plural(count, 'file')}, kept in the local S3)")
    record = ExecutionRecord(
        execution_id=execution_id or new_execution_id(),
        pipeline_name=pipeline_name,
        target=target,
        status="Executing",
        parameters=values,
        started_at=clock.now(),
        steps=steps,
        parallel=max_parallel,
        use_cache=use_cache,
        stand_ins=to_json(stand_ins),
        python=None if python is None else str(python.executable),
        handlers=handler.to_json(handlers),
        images=_images_as_kept(images) if in_containers else None,
    )
    return run_record(
        definition, record, home=home, aws=aws, store=store, observer=observer, stop=stop, lock=lock,
        graces=graces, launcher=chosen, python=python, pool=pool, stop_of=stop_of,
    )  # fmt: skip


def resume_execution(
    execution_id: str | None,
    *,
    home: Home,
    aws: LocalAws,
    store: Store,
    observer: Observer,
    stop: threading.Event,
    lock: Held | None = None,
    graces: Graces = GRACES,
    launcher: Wanted = "auto",
    explain: Callable[[str], None] = lambda line: None,
    images: Sequence[ImageChoice] = (),
    max_parallel: int | None = None,
    pool: CorePool | None = None,
    stop_of: StopOf | None = None,
) -> ExecutionRecord:
    """Continue an execution under its own id, as it was started, and return its final record.

    `max_parallel`: the most jobs at once from now on; None: as before. `images`, of an execution in containers:
    those of steps, or in the place of others, that it goes on with, before those that it was started with. `pool`,
    `stop_of`: see start_execution.

    Raises:
        UsageError: there is no such execution, or nothing to resume; see execution_to_resume.
        StateError: the state folder cannot be written.
    """
    definition, record = execution_to_resume(store, execution_id)
    record = replace(record, parallel=max_parallel or record.parallel)
    if images:
        chosen_before = record.images or {}
        now = _images_as_kept(images)
        kept = {of: image for of, image in chosen_before.items() if of not in now}
        record = replace(record, images={**now, **kept})
    python = None if record.python is None else find_interpreter(record.python)
    chosen = launcher_of(record, launcher, home, explain)
    if chosen.name == "container":
        waiting = {step.name for step in record.steps if step.status == "Pending"}
        left = replace(definition, steps=tuple(step for step in definition.steps if step.name in waiting))
        find_model = model_finder(aws, store)
        _check_containers(
            chosen,
            left,
            record.parameters,
            home,
            aws,
            lambda step: containers_ahead(step, definition, record.parameters, find_model),
            definition,
        )
        record = replace(record, images=record.images or {})
    else:
        record = replace(record, images=None)
    return run_record(
        definition, record, home=home, aws=aws, store=store, observer=observer, stop=stop, lock=lock,
        graces=graces, launcher=chosen, python=python, pool=pool, stop_of=stop_of,
    )  # fmt: skip


def launcher_of(
    record: ExecutionRecord, wanted: Wanted, home: Home, explain: Callable[[str], None]
) -> Launcher:
    """The launcher `wanted` for jobs of an execution as it was started; "auto": containers, if it ran in them.

    Raises:
        UsageError: this machine does not allow it, or the Python or a handler of its jobs is gone.
    """
    python = None if record.python is None else find_interpreter(record.python)
    handlers = handler.from_json(record.handlers)
    if wanted == "auto" and record.images is not None:
        wanted = "container"
    images: Sequence[ImageChoice] = ()
    if record.images:
        from pipeline.local.jobs.launchers.containers.images import from_json as images_of

        images = images_of(record.images)
    return _choose_launcher(wanted, home, explain, from_json(record.stand_ins), python, handlers, images)


def _choose_launcher(
    wanted: Wanted,
    home: Home,
    explain: Callable[[str], None],
    stand_ins: Sequence[StandIn],
    python: Interpreter | None,
    handlers: Sequence[Handler],
    images: Sequence[ImageChoice],
    trial: Trial | None = None,
) -> Launcher:
    visible = [
        *visible_paths(stand_ins),
        *handler.visible_paths(handlers),
        *(() if python is None else python.places),
    ]
    protected = () if python is None else python.protected
    return choose_launcher(
        wanted, home, os.environ, explain, visible=visible, protected=protected, images=images, trial=trial
    )


def _check_containers(
    chosen: Launcher,
    definition: Definition,
    parameters: Mapping[str, Json],
    home: Home,
    aws: LocalAws,
    containers: Callable[[Step], list[dict[str, Json]] | None],
    within: Definition,
) -> None:
    """See check_containers, of the launcher that runs containers."""
    from pipeline.local.jobs.launchers.containers.launcher import Containers
    from pipeline.local.jobs.launchers.containers.readiness import check_containers

    if isinstance(chosen, Containers):
        check_containers(chosen, definition, parameters, home, aws, containers, within)


def _images_as_kept(images: Sequence[ImageChoice]) -> dict[str, str]:
    from pipeline.local.jobs.launchers.containers.images import to_json as as_kept

    return as_kept(images)


def new_execution_id() -> str:
    """Twelve lower-case letters and digits, as the service makes them."""
    return "".join(secrets.choice(_ID_LETTERS) for _ in range(_ID_LENGTH))
