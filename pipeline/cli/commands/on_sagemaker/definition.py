"""`definition --target sagemaker`: print the definition as it is compiled for the account."""

from __future__ import annotations

import argparse
import json
import sys

from pipeline.cli.commands.compile_options import compile_choices, mlflow_app
from pipeline.cli.commands.on_sagemaker.following import open_target
from pipeline.tracking.place import place_of_stack


def main(args: argparse.Namespace) -> int:
    """Prints the definition as it is compiled for the account: with its bucket, roles and region."""
    from pipeline.spec.validation import check_definition
    from pipeline.targets.aws.stack import settings_for

    choices = compile_choices(args)
    target = open_target()
    choices["mlflow_app"] = mlflow_app(place_of_stack(args.mlflow, target.stack))
    settings = settings_for(target.account.id, target.account.region, target.stack, choices)
    text = target.compile(settings.for_monitor() if args.monitor else settings)
    check_definition(json.loads(text))
    sys.stdout.write(text)
    return 0
