"""`executions --target sagemaker`: list the newest executions of the account's pipeline."""

from __future__ import annotations

import argparse
import sys

from pipeline.cli.commands.on_sagemaker.following import open_target
from pipeline.console import say
from pipeline.printable import json_text

LISTED = 20


def main(args: argparse.Namespace) -> int:
    """Lists the newest executions."""
    from pipeline.cli.result import run_result
    from pipeline.view.executions import print_executions

    found, older = open_target().executions.newest(LISTED)
    records = [each.record for each in found]
    if args.json:
        print(json_text([run_result(record, None, None, None) for record in records]))
    else:
        print_executions(records, sys.stdout)
    if older:
        say(f"{older} older ones are not listed; `show ID` shows them, too.")
    return 0
