"""`mlflow publish --target sagemaker`: publish earlier executions of the account."""

from __future__ import annotations

import argparse

from pipeline.cli.commands.on_sagemaker.following import open_target
from pipeline.cli.commands.publishing import check_publishing, conclude, publish_batches
from pipeline.errors import UsageError
from pipeline.tracking.place import DEFAULT, find_place, place_of_stack


def main(args: argparse.Namespace) -> int:
    """Publishes one execution of the account, the latest if none is named, or all; returns the exit status."""
    check_publishing(args, account=True)
    if args.action != "publish":
        raise UsageError(
            "`mlflow` shows the local store. An MLflow app of SageMaker is opened in SageMaker Studio; publish "
            "there with: python -m pipeline mlflow publish --target sagemaker --mlflow ARN"
        )
    from pipeline.tracking.on_sagemaker import batch_of

    target = open_target()
    where = place_of_stack(args.mlflow or DEFAULT, target.stack)
    assert where is not None
    place = find_place(where, target.home)
    arns = target.executions.arns() if args.all else [target.executions.find(args.execution)]
    if not arns:
        raise UsageError(
            "There is no execution to publish yet. Start one with: python -m pipeline run --target sagemaker"
        )
    batches = (batch_of(target, target.executions.read(arn)) for arn in reversed(arns))
    return conclude(publish_batches(place, batches), len(arns), place)
