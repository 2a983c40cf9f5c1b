"""`show --target sagemaker`: one execution in full, or followed to its end."""

from __future__ import annotations

import argparse
import sys

from pipeline.cli.commands.choices import check_following
from pipeline.cli.commands.on_sagemaker.following import open_target, print_remarks, watch
from pipeline.printable import json_text
from pipeline.report.outcome import require_results
from pipeline.tracking.place import place_of_stack


def main(args: argparse.Namespace) -> int:
    """Shows one execution in full; with --follow, follows it to its end and concludes as `run` does."""
    check_following(args)
    from pipeline.cli.result import run_result
    from pipeline.targets.aws.digest import make_digest
    from pipeline.view.executions import print_execution

    target = open_target()
    arn = target.executions.find(args.execution)
    if args.follow:
        args.result = None
        args.mlflow = place_of_stack(args.mlflow, target.stack)
        return watch(args, target, arn)
    execution = target.executions.read(arn)
    outcome = target.outcome(execution, predictions=False)
    if args.json:
        result = run_result(execution.record, outcome.evaluation, outcome.registration, outcome.report)
        print(json_text(result))
        require_results(execution.record, outcome)
        return 0
    print_execution(execution.record, outcome.evaluation, outcome.registration, outcome.report, sys.stdout)
    digest = make_digest(target.account, execution)
    print_remarks(
        target, execution, [*(each for step in digest.remarks.values() for each in step), *digest.general]
    )
    require_results(execution.record, outcome)
    return 0
