"""`logs`: print the log of one step of an execution."""

from __future__ import annotations

import argparse
import os
import shutil
import sys

from pipeline.errors import UsageError
from pipeline.local.jobs.log_noise import is_noise
from pipeline.local.state.history import read_execution
from pipeline.local.state.state_dir import home_from
from pipeline.local.state.store import Store


def main(args: argparse.Namespace) -> int:
    """Copies the log file to standard output, without the noise unless all is asked for."""
    home = home_from(os.environ)
    with Store(home) as store:
        record = read_execution(home, store, args.execution)
    step = record.step(args.step)
    log = home.step_log(record.execution_id, args.step)
    if not log.is_file():
        raise UsageError(
            f"There is no log of {args.step} in execution {record.execution_id}: it ran no job (type "
            f"{step.type}, {step.status})."
        )
    with log.open("rb") as file:
        sys.stdout.flush()
        if args.all:
            shutil.copyfileobj(file, sys.stdout.buffer)
        else:
            for line in file:
                if not is_noise(line.decode("utf-8", errors="replace")):
                    sys.stdout.buffer.write(line)
    return 0
