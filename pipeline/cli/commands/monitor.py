"""`monitor`: run the pipeline that compares captured requests with what their model was registered with."""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.cli.commands.choices import own_images
from pipeline.cli.commands.following import write_result
from pipeline.cli.commands.monitor_request import check, retrained
from pipeline.cli.entrance import INTERRUPTED
from pipeline.console import say
from pipeline.definition.monitor_parameters import NEWEST
from pipeline.definition.settings import CAPTURED, MONITOR, PROJECT
from pipeline.monitoring.outcome import DRIFT, monitor_result, print_drift

if TYPE_CHECKING:
    from pipeline.definition.parameters import Value
    from pipeline.execution import ExecutionRecord
    from pipeline.targets.local import LocalTarget

S3 = "s3://"


def main(args: argparse.Namespace) -> int:
    """Checks the arguments, compares, and on drift trains anew where --retrain says so."""
    check(args)
    return retrained(args, *monitor_here(args))


def monitor_here(args: argparse.Namespace) -> tuple[int, dict[str, Any] | None]:
    """Runs the pipeline in the local engine; the exit status, and what the job found, if it came to that."""
    from pipeline.interrupts import stop_on_signals
    from pipeline.local.jobs.launchers.containers.images import parse_image
    from pipeline.local.state.isolation import isolate
    from pipeline.local.state.state_dir import home_from
    from pipeline.monitoring.captured import endpoint_of, files_in, put
    from pipeline.spec.validation import check_definition
    from pipeline.targets.local import Choices, local_settings_for, open_local
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
    from pipeline.monitoring.local_results import read_monitored
    from pipeline.targets.local_outcome import log_tails

    drift, report = read_monitored(target.home, target.store, record) or (None, None)
    if args.result is not None:
        result = monitor_result(record, drift, None if report is None else str(report))
        write_result(args.result, result, record.execution_id)
    if drift is not None and report is not None:
        print_drift(drift, report, sys.stdout)
    if record.status != "Succeeded" and (drift is None or drift["verdict"] != DRIFT):
        from pipeline.view.failure import print_failure

        print_failure(record, log_tails(target.home, record), sys.stdout, resumable=True)
    if record.status == "Stopped":
        return INTERRUPTED, drift
    return 0 if record.status == "Succeeded" else 1, drift
