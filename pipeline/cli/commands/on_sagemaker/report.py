"""`report --target sagemaker`: build an execution's HTML report again, and put it where the registry links to."""

from __future__ import annotations

import argparse

from pipeline.cli.commands.on_sagemaker.following import ON, open_target
from pipeline.errors import UsageError
from pipeline.report.outcome import require_results


def main(args: argparse.Namespace) -> int:
    """Builds an execution's HTML report again from its results in the bucket."""
    target = open_target()
    execution = target.executions.read(target.executions.find(args.execution))
    outcome = target.outcome(execution, predictions=True)
    name = execution.record.execution_id
    require_results(execution.record, outcome)
    if outcome.evaluation is None:
        raise UsageError(
            f"Execution {name} has no evaluation to report on: it is {execution.record.status}. See: "
            f"python -m pipeline show {name} {ON}"
        )
    built = target.build_report(execution.record, outcome)
    target.publish_report(execution, built)
    print(built)
    return 0
