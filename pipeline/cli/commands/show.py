"""`show`: one execution in full."""

from __future__ import annotations

import argparse
import os
import sys

from pipeline.cli.commands.choices import check_following
from pipeline.cli.result import run_result
from pipeline.local.state.history import read_execution
from pipeline.local.state.state_dir import home_from
from pipeline.local.state.store import Store
from pipeline.monitoring.local_results import read_monitored
from pipeline.monitoring.outcome import print_drift
from pipeline.printable import json_text
from pipeline.report.outcome import require_results
from pipeline.targets.local_outcome import read_outcome
from pipeline.view.executions import print_execution


def main(args: argparse.Namespace) -> int:
    """Reads the store and the execution's folder; needs no lock and no services."""
    check_following(args)
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
