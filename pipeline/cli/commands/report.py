"""`report`: build an execution's HTML report again, and say where it lies."""

from __future__ import annotations

import argparse
import os

from pipeline.errors import UsageError
from pipeline.local.state.history import read_execution
from pipeline.local.state.state_dir import home_from
from pipeline.local.state.store import Store
from pipeline.monitoring.local_results import read_monitored
from pipeline.report.outcome import require_results
from pipeline.targets.local_outcome import build_report, read_outcome


def main(args: argparse.Namespace) -> int:
    """Prints the report's path."""
    home = home_from(os.environ)
    with Store(home) as store:
        record = read_execution(home, store, args.execution)
        outcome = read_outcome(home, store, record)
        monitored = read_monitored(home, store, record)
    if monitored is not None:
        print(monitored[1])
        return 0
    require_results(record, outcome)
    if outcome.evaluation is None:
        raise UsageError(
            f"Execution {record.execution_id} has no evaluation to report on: it is {record.status}. See: "
            f"python -m pipeline show {record.execution_id}"
        )
    print(build_report(home, record, outcome))
    return 0
