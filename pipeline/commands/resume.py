"""`resume`: continue an execution that failed, was stopped, or was killed, from what is done."""

from __future__ import annotations

import argparse
import os

from pipeline.commands.run import check_writable, follow
from pipeline.console import say
from pipeline.local.home import home_from
from pipeline.local.isolation import isolate


def main(args: argparse.Namespace) -> int:
    """Runs what the execution has not done yet, under its own id; returns the exit status, as `run` does."""
    if args.json is not None:
        check_writable(args.json)
    home = home_from(os.environ)
    isolate(os.environ)

    from pipeline.local_target import open_local

    with open_local(home, say) as target:
        return follow(args, target, lambda view, stop: target.resume(args.execution, view, stop))
