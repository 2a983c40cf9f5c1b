"""`prune`: remove old executions, and what only they refer to, from the state folder, which else only grows."""

from __future__ import annotations

import argparse
import os

from pipeline.console import say
from pipeline.errors import UsageError
from pipeline.formatting import binary_size, count
from pipeline.local.state.ending import mark_interrupted
from pipeline.local.state.lock import exclusive
from pipeline.local.state.pruning import carry_out, freed_without, plan
from pipeline.local.state.state_dir import home_from
from pipeline.local.state.store import Store
from pipeline.printable import printable
from pipeline.shown import LONGEST_TEXT, listed

_LISTED = 3


def main(args: argparse.Namespace) -> int:
    """Says what goes and what that frees; with --dry-run that is all. Returns 1 when not all could be removed."""
    if args.keep < 0:
        raise UsageError(f"--keep {args.keep}: the number of executions to keep cannot be negative.")
    home = home_from(os.environ)
    with exclusive(home, say) as _, Store(home) as store:
        mark_interrupted(store)
        if said := home.sweep():
            say(said)
        planned = plan(home, store, args.keep, say)
        for record in planned.executions:
            say(f"{record.execution_id}  {record.status}")
        left = [] if args.dry_run else carry_out(home, store, planned)
        verb = "Would remove" if args.dry_run else "Removed"
        executions, objects = len(planned.executions), len(planned.objects)
        print(
            f"{verb} {count(executions)} execution{'s' * (executions != 1)} and {count(objects)} "
            f"object{'s' * (objects != 1)}: {binary_size(freed_without(planned, left))} of {home.root}."
        )
    if not left:
        return 0
    names = printable(listed(left, _LISTED, LONGEST_TEXT))
    say(
        f"Could not remove {count(len(left))} file{'s' * (len(left) != 1)} of theirs, which nothing uses any more: "
        f"{names}. They may be another user's, or immutable (lsattr says). Correct that, and run "
        "prune again."
    )
    return 1
