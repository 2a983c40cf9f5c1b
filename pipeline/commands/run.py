"""`run`: compile the pipeline, execute it, show it while it runs, report."""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.commands.choices import check_choices, find_source, read_images, read_programs
from pipeline.commands.graph import MACHINE_FLAGS, compile_choices, flags_given
from pipeline.console import say
from pipeline.errors import StateError, UsageError
from pipeline.output_file import check_writable
from pipeline.parameters import LOCAL_VALUES, NO_CHAMPION, Value, parse_parameters
from pipeline.printable import json_text
from pipeline.settings import PROJECT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pipeline.execution import ExecutionRecord, Observer
    from pipeline.local_target import Choices, LocalTarget
    from pipeline.registry import Package
    from pipeline.tracking.tracker import Tracker

INTERRUPTED = 130
IMAGE_PARAMETERS = ("ProcessingImageUri", "TrainingImageUri")


def main(args: argparse.Namespace) -> int:
    """Checks all that can be checked before anything starts, then runs."""
    check_choices(args)
    args.environ = dict(os.environ)
    if args.json is not None:
        check_writable(args.json)
    if args.target == "sagemaker":
        from pipeline.commands.run_on_sagemaker import run_on_sagemaker

        return run_on_sagemaker(args)
    if args.definition is not None:
        from pipeline.commands.run_definition import run_definition

        return run_definition(args)
    return run_project(args)


def run_project(args: argparse.Namespace) -> int:
    """Runs this project's pipeline in the local engine."""
    if args.upload:
        raise UsageError(
            f"Reading --upload: expected it with --definition FILE. Received: --upload {args.upload[0]}. "
            "The data of this project's own pipeline are given with --data DIR."
        )
    if args.handler:
        raise UsageError(
            f"--handler {args.handler[0]!r} goes with --definition FILE: this project's own pipeline calls no "
            "functions. Leave it out."
        )
    given = parse_parameters(args.param)
    graph = compile_choices(args, given)
    from pipeline.dataset import find_dataset
    from pipeline.local.state.isolation import isolate
    from pipeline.local.state.state_dir import home_from

    home = home_from(os.environ)
    isolate(os.environ)
    source = find_source(args, home, PROJECT)
    folder = None
    if "InputDataUri" not in given and (source is None or args.data is not None):
        variable = os.environ.get("FASHION_DATA")
        folder = find_dataset(
            args.data or (Path(variable) if variable else None), home.root / "data", any_data=args.any_data
        )
        say(f"Data set: {folder}")

    from pipeline.local_target import local_settings_for, open_local
    from pipeline.spec.validation import check_definition

    settings = local_settings_for(graph)
    with open_local(home, say, containers=args.launcher == "container") as target:
        text = target.compile(settings)
        values: dict[str, Value] = {**LOCAL_VALUES, **({} if source is None else source.parameters), **given}
        if folder is not None:
            values["InputDataUri"] = target.upload_data(settings, folder)
        if "ChampionModelPackage" not in given:
            group = str(values.get("ModelPackageGroupName", PROJECT))
            values["ChampionModelPackage"] = champion(target.newest_approved(group), group)
        smaller = ", ".join(f"{name}={value}" for name, value in LOCAL_VALUES.items() if name not in given)
        if source is not None:
            say(f"Parameters that --param does not set are those of execution {source.execution_id}.")
        elif smaller:
            say(f"Local values: {smaller}. The definition's own defaults are meant for GPU instances.")
        check_definition(json.loads(text), values)
        if idle := flags_given(args, MACHINE_FLAGS):
            say(f"In the definition, but without effect here: {', '.join(idle)}.")
        if args.launcher == "container":
            args.image += own_images(text, given)
        return execute(args, target, text, values, read_choices(args, source))


def own_images(text: str, given: Mapping[str, object]) -> list[str]:
    """What `--image` has to say so that this project's image stands for AWS's, unless the user names others."""
    from pipeline.job_image import image_tag

    defaults = {each["Name"]: each.get("DefaultValue") for each in json.loads(text)["Parameters"]}
    replaced = dict.fromkeys(
        defaults[name] for name in IMAGE_PARAMETERS if name in defaults.keys() - given.keys()
    )
    return [f"{uri}={image_tag()}" for uri in replaced]


def champion(package: Package | None, group: str) -> str:
    """The ARN of the newest approved `package` of the group, NO_CHAMPION when there is none.

    Looked up here and not by the job, whose result could otherwise not be reused: its key has the answer.
    """
    if package is None:
        return NO_CHAMPION
    say(f"Champion: version {package.version} of {group}, the newest approved one.")
    return package.arn


def execute(
    args: argparse.Namespace,
    target: LocalTarget,
    text: str,
    values: dict[str, Value],
    choices: Choices,
) -> int:
    """Starts an execution and follows it to its end; returns the exit status."""
    return follow(args, target, lambda view, stop: target.run(text, values, view, stop, choices))


def read_choices(args: argparse.Namespace, source: ExecutionRecord | None) -> Choices:
    """How the execution is to run, and what is uploaded for it.

    Raises:
        UsageError: a choice is not what it should be, or a file that it names is not there.
    """
    from pipeline.local.jobs.functions.handler import parse_handler
    from pipeline.local.jobs.uploads import parse_upload
    from pipeline.local_target import Choices

    stand_ins, python = read_programs(args)
    return Choices(
        jobs_at_once(args),
        not args.no_cache,
        args.only,
        source,
        args.launcher,
        stand_ins,
        python,
        [parse_handler(each, Path.cwd()) for each in args.handler],
        read_images(args),
        [parse_upload(each) for each in args.upload],
    )


def jobs_at_once(args: argparse.Namespace) -> int | None:
    """The most jobs at once: of a search as many as there are cores, unless --parallel says it."""
    if args.parallel is not None or args.tune is None:
        parallel: int | None = args.parallel
        return parallel
    from pipeline.local.engine.cores import available_cores

    return available_cores()


def follow(
    args: argparse.Namespace,
    target: LocalTarget,
    run: Callable[[Observer, threading.Event], ExecutionRecord],
) -> int:
    """Shows what `run` does until it ends, writes the report and the result; returns the exit status."""
    from pipeline.interrupts import stop_on_signals
    from pipeline.tracking.tracker import open_tracker, watched
    from pipeline.view import open_view

    stop = threading.Event()
    with open_tracker(args.mlflow, target.home, say, args.environ) as tracker:
        with open_view(sys.stderr, plain=True if args.plain else None) as view, stop_on_signals(stop):
            record = run(watched(view, tracker), stop)
        return conclude(args, target, record, tracker)


def conclude(
    args: argparse.Namespace, target: LocalTarget, record: ExecutionRecord, tracker: Tracker | None = None
) -> int:
    """Says how the execution ended: on the terminal, in the report, in the JSON file, and to `tracker`."""
    from pipeline.local_outcome import log_tails, provide_report, read_outcome
    from pipeline.outcome import tell_faults
    from pipeline.result import run_result

    outcome = read_outcome(target.home, target.store, record)
    report = None if outcome.evaluation is None else provide_report(target.home, record, outcome)
    if args.json is not None:
        result = run_result(record, outcome.evaluation, outcome.registration, report)
        write_result(args.json, result, record.execution_id)
    # What is not printed needs no library for printing (0.1 s).
    if outcome.evaluation is not None:
        from pipeline.view.leaderboard import print_leaderboard

        print_leaderboard(outcome.evaluation, outcome.registration or {}, record, report, sys.stdout)
    if record.status != "Succeeded":
        from pipeline.view.failure import print_failure

        print_failure(record, log_tails(target.home, record), sys.stdout, resumable=True)
    tell_faults(record, outcome)
    if tracker is not None:
        tracker.conclude(record, replace(outcome, report=report))
    if record.status == "Stopped":
        return INTERRUPTED
    return 0 if record.status == "Succeeded" else 1


def write_result(file: Path, result: dict[str, Any], execution_id: str) -> None:
    """Writes `result` as JSON; raises StateError when the disk does not take it."""
    try:
        file.write_text(json_text(result) + "\n", encoding="utf-8")
    except OSError as error:
        raise StateError(
            f"Could not write the result to {file}: {error.strerror}. The execution has ended; get its result "
            f"with: python -m pipeline show {execution_id} --json"
        ) from None
