"""`resume`: continue an execution that failed, was stopped, or was killed, from what is done."""

from __future__ import annotations

import argparse
import os

from pipeline.cli.commands.choices import check_images, check_tracking, read_images
from pipeline.cli.commands.following import follow
from pipeline.cli.output_file import check_writable
from pipeline.console import say
from pipeline.errors import UsageError
from pipeline.local.engine.resume import execution_to_resume
from pipeline.local.state.ending import is_under_way
from pipeline.local.state.history import read_execution
from pipeline.local.state.isolation import isolate
from pipeline.local.state.state_dir import home_from
from pipeline.local.state.store import Store


def main(args: argparse.Namespace) -> int:
    """Runs what the execution has not done yet, under its own id; returns the exit status, as `run` does."""
    check_tracking(args)
    args.environ = dict(os.environ)
    if args.result is not None:
        check_writable(args.result)
    home = home_from(os.environ)
    with Store(home) as store:
        record = read_execution(home, store, args.execution)
        if is_under_way(record):
            raise UsageError(
                f"Cannot resume execution {record.execution_id}: it is still {record.status}. Stop it with: "
                f"python -m pipeline stop {record.execution_id}"
            )
        # Better refused now than after the services have started.
        execution_to_resume(store, record.execution_id)
    containers = args.launcher == "container" or (args.launcher == "auto" and record.images is not None)
    check_images(args, in_containers=containers)
    images = read_images(args)
    isolate(os.environ)

    from pipeline.targets.local import open_local

    with open_local(home, say, containers=containers) as target:
        return follow(
            args,
            target,
            lambda view, stop: target.resume(record.execution_id, view, stop, args.launcher, images),
        )
