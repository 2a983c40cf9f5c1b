"""`monitor --target sagemaker`: check the account, say what it can cost, start, follow, show what was found."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from typing import TYPE_CHECKING, Any

from pipeline.cli.commands.following import write_result
from pipeline.cli.commands.monitor_request import check, retrained
from pipeline.cli.commands.on_sagemaker.following import ask, follow, print_remarks
from pipeline.cli.commands.on_sagemaker.run import open_checked, start
from pipeline.cli.entrance import INTERRUPTED
from pipeline.console import say
from pipeline.definition.monitor_parameters import NEWEST
from pipeline.definition.settings import CAPTURED
from pipeline.errors import UsageError
from pipeline.monitoring.outcome import DRIFT, FILES, OUTPUT, monitor_result, print_drift, read_drift

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.definition.parameters import Value
    from pipeline.definition.settings import Settings
    from pipeline.targets.aws.records import AwsExecution
    from pipeline.targets.sagemaker import SageMakerTarget


def main(args: argparse.Namespace) -> int:
    """Checks the arguments, compares, and on drift trains anew where --retrain says so."""
    check(args)
    return retrained(args, *monitor_there(args))


def monitor_there(args: argparse.Namespace) -> tuple[int, dict[str, Any] | None]:
    """Runs the monitor's pipeline in SageMaker; the exit status, and what the job found."""
    from pipeline.spec.validation import check_definition
    from pipeline.targets.aws.cost import ceiling, confirm, cost_limit, say_cost
    from pipeline.targets.aws.plan import plan_jobs
    from pipeline.targets.aws.stack import settings_for
    from pipeline.targets.aws.start import StartRequest

    limit = cost_limit(args.max_cost, os.environ)
    args.parallel, args.only = None, ()
    target = open_checked(args, {}, {"kind": "monitor"}).for_monitor()
    settings = settings_for(target.account.id, target.account.region, target.stack, {}).for_monitor()
    values = parameter_values(args, target, settings)
    cost = ceiling(plan_jobs(settings, values), target.prices)
    say_cost(cost, say)
    confirm(cost, limit, certain=args.yes, ask=ask if sys.stdin.isatty() else None)
    text = target.compile(settings)
    check_definition(json.loads(text), values)
    # Each command is an execution of its own: since the last one, more may have been captured.
    request = StartRequest(settings.pipeline_name, text, values, again=int(time.time()))
    execution = follow(args, target, start(target, settings, request))
    return (INTERRUPTED, None) if execution is None else conclude(args, target, execution)


def parameter_values(
    args: argparse.Namespace, target: SageMakerTarget, settings: Settings
) -> dict[str, Value]:
    """The parameters of the execution.

    Raises:
        UsageError: nothing is captured there, of that endpoint, or the job may not read it.
    """
    from pipeline.monitoring.captured import endpoint_of
    from pipeline.targets.aws.aws_errors import translate_errors

    own = settings.uri(CAPTURED)
    place = (args.capture or own).rstrip("/")
    if place != own and not place.startswith(f"{own}/"):
        raise UsageError(
            f"The monitor's role reads what lies below {own} (got {place}). Leave CAPTURE out, or copy the "
            "requests there."
        )
    prefix = place.removeprefix(f"s3://{settings.bucket}/")
    with translate_errors(f"Looking for captured requests in {place}"):
        pages = (
            target.account.client("s3")
            .get_paginator("list_objects_v2")
            .paginate(Bucket=settings.bucket, Prefix=f"{prefix}/")
        )
        keys = [each["Key"] for page in pages for each in page.get("Contents", [])]
    return {
        "CaptureUri": place,
        "EndpointName": endpoint_of(keys, args.endpoint, place),
        "ModelVersion": NEWEST if args.model is None else str(args.model),
        "CaptureHours": args.hours,
        "ModelPackageGroupName": args.group or settings.model_package_group,
    }


def conclude(
    args: argparse.Namespace, target: SageMakerTarget, execution: AwsExecution
) -> tuple[int, dict[str, Any] | None]:
    """Says how the execution ended; the exit status, and what the job found."""
    from pipeline.targets.aws.digest import make_digest
    from pipeline.view.failure import print_failure

    record = execution.record
    drift, report = fetch(target, execution) or (None, None)
    if args.result is not None:
        result = monitor_result(record, drift, None if report is None else str(report))
        write_result(args.result, result, record.execution_id)
    if drift is not None and report is not None:
        print_drift(drift, report, sys.stdout)
    digest = make_digest(target.account, execution)
    if record.status != "Succeeded" and (drift is None or drift["verdict"] != DRIFT):
        print_failure(record, digest.tails, sys.stdout, resumable=True, remarks=digest.remarks)
    print_remarks(target, execution, digest.general)
    if record.status == "Stopped":
        return INTERRUPTED, drift
    return 0 if record.status == "Succeeded" else 1, drift


def fetch(target: SageMakerTarget, execution: AwsExecution) -> tuple[dict[str, Any], Path] | None:
    """What the job found, and its report, both downloaded; None where it did not come to that."""
    from pipeline.targets.aws.aws_errors import translate_errors
    from pipeline.targets.aws.jobs import describe
    from pipeline.targets.aws.plan import MONITOR_STEP
    from pipeline.targets.aws.results import download, output_uri, results_folder

    job = execution.jobs.get(MONITOR_STEP)
    if job is None:
        return None
    folder = results_folder(target.home, execution.record.execution_id)
    with translate_errors(f"Reading the results of execution {execution.record.execution_id}"):
        uri = output_uri(describe(target.client, job), OUTPUT)
        files, _ = ({}, {}) if uri is None else download(target.account.client("s3"), uri, FILES, folder)
    if uri is None or not files.keys() >= {*FILES}:
        return None
    return read_drift(files["drift.json"].read_bytes(), uri), files["report.html"]
