"""`executions`: list past executions, newest first."""

from __future__ import annotations

import argparse
import os
import sys

from pipeline.cli.result import run_result
from pipeline.console import say
from pipeline.local.state.history import read_executions
from pipeline.local.state.state_dir import home_from
from pipeline.local.state.store import Store
from pipeline.printable import json_text
from pipeline.view.executions import print_executions


def main(args: argparse.Namespace) -> int:
    """Reads the store; needs no lock and no services. Returns 1 when not all of it could be read."""
    home = home_from(os.environ)
    with Store(home) as store:
        faults: list[str] = []
        records = read_executions(home, store, faults)
        if not faults and (damage := store.database.damage()):
            faults.append(
                f"The state database {store.database.path} is damaged ({damage}). {store.database.remedy}"
            )
    if args.json:
        print(json_text([run_result(record, None, None, None) for record in records]))
    elif records or not faults:
        print_executions(records, sys.stdout)
    for fault in faults:
        say(fault)
    return 1 if faults else 0
