"""`prune`: remove old executions, and what only they refer to, from the state folder, which else only grows."""

from __future__ import annotations

import argparse
import os

from pipeline.console import say
from pipeline.errors import UsageError
from pipeline.formatting import binary_size, count
from pipeline.local.state.ending import settle
from pipeline.local.state.lock import exclusive
from pipeline.local.state.pruning import carry_out, plan
from pipeline.local.state.state_dir import home_from
from pipeline.local.state.store import Store


def main(args: argparse.Namespace) -> int:
    """Says what goes and what that frees; with --dry-run that is all."""
    if args.keep < 0:
        raise UsageError(f"--keep {args.keep}: the number of executions to keep cannot be negative.")
    home = home_from(os.environ)
    with exclusive(home, say) as _, Store(home) as store:
        settle(store)
        if left := home.sweep():
            say(left)
        planned = plan(home, store, args.keep, say)
        for record in planned.executions:
            say(f"{record.execution_id}  {record.status}")
        if not args.dry_run:
            carry_out(home, store, planned)
        verb = "Would remove" if args.dry_run else "Removed"
        executions, objects = len(planned.executions), len(planned.objects)
        print(
            f"{verb} {count(executions)} execution{'s' * (executions != 1)} and {count(objects)} "
            f"object{'s' * (objects != 1)}: {binary_size(planned.freed)} of {home.root}."
        )
    return 0
