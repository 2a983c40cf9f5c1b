"""`monitor`: run the pipeline that compares captured requests with what their model was registered with."""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.commands.choices import check_launcher
from pipeline.commands.run import INTERRUPTED, own_images, write_result
from pipeline.console import say
from pipeline.errors import UsageError
from pipeline.monitoring.outcome import DRIFT, monitor_result, print_drift
from pipeline.monitoring.parameters import ALL_HOURS, MOST_HOURS, NEWEST
from pipeline.output_file import check_writable
from pipeline.settings import CAPTURED, MONITOR, PROJECT

if TYPE_CHECKING:
    from pipeline.execution import ExecutionRecord
    from pipeline.local_target import LocalTarget
    from pipeline.parameters import Value

S3 = "s3://"


def main(args: argparse.Namespace) -> int:
    """Checks the arguments, compares, and on drift trains anew where --retrain says so."""
    check(args)
    if args.target == "sagemaker":
        from pipeline.commands.monitor_on_sagemaker import monitor_on_sagemaker

        status, drift = monitor_on_sagemaker(args)
    else:
        status, drift = monitor_here(args)
    if drift is None or drift["verdict"] != DRIFT or not args.retrain:
        return status
    return retrain(args, drift["capture"]) or status


def check(args: argparse.Namespace) -> None:
    """Raises UsageError for arguments that are wrong, or do not go together."""
    check_launcher(args)
    if not ALL_HOURS <= args.hours <= MOST_HOURS:
        raise UsageError(f"--hours takes 1 to {MOST_HOURS} hours, or 0 for all there are (got {args.hours}).")
    if args.model is not None and args.model < 1:
        raise UsageError(f"--model takes a version's number, 1 or more (got {args.model}).")
    if args.capture == "" or args.endpoint == "":
        raise UsageError(
            "CAPTURE or --endpoint is empty. Name a folder or s3://BUCKET/FOLDER, or leave it out."
        )
    if args.data is not None and not args.retrain:
        raise UsageError(
            f"--data {args.data} goes with --retrain: the monitor itself reads no labelled data."
        )
    if args.target == "sagemaker":
        return
    for flag, chosen in (("--yes", args.yes), ("--max-cost", args.max_cost)):
        if chosen:
            raise UsageError(
                f"{flag} goes with --target sagemaker: here nothing costs anything. Leave it out."
            )
    if args.json is not None:
        check_writable(args.json)


def monitor_here(args: argparse.Namespace) -> tuple[int, dict[str, Any] | None]:
    """Runs the pipeline in the local engine; the exit status, and what the job found, if it came to that."""
    from pipeline.interrupts import stop_on_signals
    from pipeline.local.jobs.launchers.containers.images import parse_image
    from pipeline.local.state.isolation import isolate
    from pipeline.local.state.state_dir import home_from
    from pipeline.local_target import Choices, local_settings_for, open_local
    from pipeline.monitoring.captured import endpoint_of, files_in, put
    from pipeline.spec.validation import check_definition
    from pipeline.view import open_view

    home = home_from(os.environ)
    isolate(os.environ)
    settings = local_settings_for({}).for_monitor()
    place = args.capture or settings.uri(CAPTURED)
    files = {} if place.startswith(S3) else files_in(Path(place))
    endpoint = endpoint_of(files, args.endpoint, place) if files else None
    with open_local(home, say, containers=args.launcher == "container") as target:
        target.pipeline_name = MONITOR
        if endpoint is None:
            stored = [each.uri for each in target.aws.stored_objects(place.rstrip("/"))]
            endpoint = endpoint_of(stored, args.endpoint, place)
        text = target.compile(settings)
        values: dict[str, Value] = {
            "CaptureUri": put(target.aws, files, settings.uri(CAPTURED)) if files else place.rstrip("/"),
            "EndpointName": endpoint,
            "ModelVersion": NEWEST if args.model is None else str(args.model),
            "CaptureHours": args.hours,
            "ModelPackageGroupName": args.group or PROJECT,
        }
        check_definition(json.loads(text), values)
        images = own_images(text, {}) if args.launcher == "container" else []
        choices = Choices(launcher=args.launcher, images=[parse_image(each) for each in images])
        stop = threading.Event()
        with open_view(sys.stderr, plain=True if args.plain else None) as view, stop_on_signals(stop):
            record = target.run(text, values, view, stop, choices)
        return conclude(args, target, record)


def conclude(
    args: argparse.Namespace, target: LocalTarget, record: ExecutionRecord
) -> tuple[int, dict[str, Any] | None]:
    """Says how the execution ended; the exit status, and what the job found."""
    from pipeline.local_outcome import log_tails
    from pipeline.monitoring.local_results import read_monitored

    drift, report = read_monitored(target.home, target.store, record) or (None, None)
    if args.json is not None:
        result = monitor_result(record, drift, None if report is None else str(report))
        write_result(args.json, result, record.execution_id)
    if drift is not None and report is not None:
        print_drift(drift, report, sys.stdout)
    if record.status != "Succeeded" and (drift is None or drift["verdict"] != DRIFT):
        from pipeline.view.failure import print_failure

        print_failure(record, log_tails(target.home, record), sys.stdout, resumable=True)
    if record.status == "Stopped":
        return INTERRUPTED, drift
    return 0 if record.status == "Succeeded" else 1, drift


def retrain(args: argparse.Namespace, captured: str) -> int:
    """Runs the training pipeline because of what was captured there; its exit status.

    Captured requests have no labels: the data that it trains on are those of --data, or of any other run.
    """
    from pipeline.cli import build_parser
    from pipeline.commands import run

    say(
        f"\nRetraining, because of what was captured in {captured}. Captured requests have no labels: this trains "
        f"on {args.data or 'the data set of every run'}."
    )
    return run.main(build_parser().parse_args(words_of_run(args, captured)))


def words_of_run(args: argparse.Namespace, captured: str) -> list[str]:
    """The command that trains anew: with the gates of every run and MustBeatChampion, which asks for more."""
    words = ["run", "--target", args.target, "--launcher", args.launcher]
    words += ["--param", f"CapturedDataUri={captured}", "--param", "MustBeatChampion=true"]
    words += ["--data", str(args.data)] if args.data is not None else []
    words += ["--max-cost", str(args.max_cost)] if args.max_cost is not None else []
    return words + [
        flag
        for flag, given in (("--any-data", args.any_data), ("--plain", args.plain), ("--yes", args.yes))
        if given
    ]
