"""`show`: one execution in full."""

from __future__ import annotations

import argparse
import os
import sys

from pipeline.errors import UsageError
from pipeline.local.state.history import read_execution
from pipeline.local.state.state_dir import home_from
from pipeline.local.state.store import Store
from pipeline.local_outcome import read_outcome
from pipeline.monitoring.local_results import read_monitored
from pipeline.monitoring.outcome import print_drift
from pipeline.outcome import require_results
from pipeline.printable import json_text
from pipeline.result import run_result
from pipeline.view.executions import print_execution


def main(args: argparse.Namespace) -> int:
    """Reads the store and the execution's folder; needs no lock and no services."""
    if args.mlflow is not None and not args.follow:
        raise UsageError(
            "--mlflow goes with --follow: it publishes an execution while that is followed. Publish one that has "
            "ended with: python -m pipeline mlflow publish ID"
        )
    if args.target == "sagemaker":
        from pipeline.commands import on_sagemaker

        return on_sagemaker.show(args)
    if args.follow:
        raise UsageError(
            f"Following an execution: expected --target sagemaker with --follow. Received: --target {args.target}, "
            "where the command that runs an execution shows it. Leave --follow out."
        )
    home = home_from(os.environ)
    with Store(home) as store:
        record = read_execution(home, store, args.execution)
        outcome = read_outcome(home, store, record)
        monitored = read_monitored(home, store, record)
    if args.json:
        result = run_result(record, outcome.evaluation, outcome.registration, outcome.report)
        print(json_text(result))
    else:
        print_execution(record, outcome.evaluation, outcome.registration, outcome.report, sys.stdout)
        if monitored is not None:
            print_drift(*monitored, sys.stdout)
    require_results(record, outcome)
    return 0
