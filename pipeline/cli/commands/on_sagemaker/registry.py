"""`registry --target sagemaker`: list, show, approve, reject or promote the models of the account."""

from __future__ import annotations

import argparse

from pipeline.cli.commands.on_sagemaker.following import open_target
from pipeline.cli.commands.registry_actions import carry_out, check_action


def main(args: argparse.Namespace) -> int:
    """Lists, shows, approves, rejects or promotes the models of the account's registry."""
    from pipeline.targets.aws.aws_errors import translate_errors
    from pipeline.targets.aws.results import report_file

    check_action(args)
    target = open_target()
    with translate_errors(f"Calling registry {args.action}"):
        return carry_out(
            args,
            target.registry(args.group),
            lambda: None,  # SageMaker saves by itself
            lambda execution_id: report_file(target.home, execution_id),
        )
