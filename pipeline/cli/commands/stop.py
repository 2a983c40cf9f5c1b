"""`stop`: stop the execution that another command runs, and wait until it reads Stopped."""

from __future__ import annotations

import argparse
import os
import signal
import time

from pipeline.console import say
from pipeline.errors import FashionError, UsageError
from pipeline.execution import ExecutionRecord
from pipeline.local.state.ending import is_under_way
from pipeline.local.state.history import read_execution, running_execution
from pipeline.local.state.lock import Holder, find_holder
from pipeline.local.state.state_dir import Home, home_from
from pipeline.local.state.store import Store

# Jobs are given 5 s to end by themselves; what is written after that takes another.
PATIENCE_SECONDS = 30.0
_POLL_SECONDS = 0.1


def main(args: argparse.Namespace) -> int:
    """Signals the command that runs the execution, as Ctrl-C would."""
    home = home_from(os.environ)
    with Store(home) as store:
        # An empty id, as of a variable that is not set, is none to take for "whatever runs".
        named = running_execution(home) if args.execution is None else args.execution
        record = read_execution(home, store, named)
        holder = find_holder(home)
        if is_under_way(record) and holder is not None and holder.serves:
            raise UsageError(
                f"Could not stop execution {record.execution_id} from here: the local SageMaker at {holder.serves} "
                "runs it. Ask that to stop it, with StopPipelineExecution, or end the server."
            )
        if not is_under_way(record) or holder is None or holder.execution != record.execution_id:
            raise UsageError(
                f"Cannot stop execution {record.execution_id}: it is {record.status}, not running. Executions "
                "are listed by: python -m pipeline executions"
            )
        signal_holder(record, holder)
        record = await_end(home, store, record.execution_id)
    print(f"{record.execution_id} {record.status}")
    return 0


def signal_holder(record: ExecutionRecord, holder: Holder) -> None:
    """Sends SIGTERM to the process that runs `record`, and to no other that may have its number by now.

    Raises:
        FashionError: the process is another user's, or of another container or machine.
    """
    process = holder.process
    if process is None or process.life() == "unknown":
        number = "a process" if process is None else f"process {process.pid}"
        raise FashionError(
            f"Could not stop execution {record.execution_id}: {number} of another container, of another machine or "
            "of an older version runs it, which cannot be reached from here. Nothing was stopped. Stop it there: "
            "Ctrl-C, or the same command."
        )
    say(f"Stopping execution {record.execution_id} (process {process.pid}) …")
    try:
        process.send(signal.SIGTERM)  # Unless it has just ended, in whatever way.
    except PermissionError:
        raise FashionError(
            f"Could not stop execution {record.execution_id}: process {process.pid} belongs to another user. "
            "Stop it as that user."
        ) from None


def await_end(home: Home, store: Store, execution_id: str) -> ExecutionRecord:
    """The record of the execution once it has ended."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while is_under_way(record := read_execution(home, store, execution_id)):
        if time.monotonic() > deadline:
            raise FashionError(
                f"Execution {execution_id} is still {record.status} after {PATIENCE_SECONDS:g} s of stopping. "
                f"See: python -m pipeline show {execution_id}"
            )
        time.sleep(_POLL_SECONDS)
    return record
