"""`definition`: print the compiled pipeline definition."""

from __future__ import annotations

import argparse
import json
import os
import sys

from pipeline.cli.commands.compile_options import compile_choices
from pipeline.console import say
from pipeline.errors import UsageError
from pipeline.tracking.place import check_place, is_arn


def main(args: argparse.Namespace) -> int:
    """Compiles for the target, checks the definition against the service model, prints it."""
    if args.mlflow is not None and not is_arn(args.mlflow):
        check_place(args.mlflow)
        raise UsageError(
            "A definition can name only an MLflow app or tracking server of SageMaker; other places are given to "
            "the command that runs it. Give --mlflow ARN, or leave it out."
        )
    graph = compile_choices(args)

    from pipeline.local.state.isolation import isolate
    from pipeline.local.state.state_dir import home_from
    from pipeline.spec.validation import check_definition
    from pipeline.targets.local import local_settings_for, open_local

    home = home_from(os.environ)
    isolate(os.environ)
    with open_local(home, say) as target:
        settings = local_settings_for(graph)
        text = target.compile(settings.for_monitor() if args.monitor else settings)
    check_definition(json.loads(text))
    sys.stdout.write(text)
    return 0
