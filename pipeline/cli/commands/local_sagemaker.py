"""`local-sagemaker`: SageMaker's API on loopback, whose pipelines and jobs the local engine executes."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pipeline.console import say
from pipeline.errors import UsageError
from pipeline.interrupts import stop_on_signals
from pipeline.local.state.isolation import isolate
from pipeline.local.state.state_dir import Home, home_from

if TYPE_CHECKING:
    from pipeline.local.local_sagemaker import LocalSageMaker

_SIGNAL_SECONDS = 0.2
# What a shell says of a program that it does not find, or may not run.
_NOT_FOUND, _NOT_ALLOWED = 127, 126
_BY_SIGNAL = 128
_HIGHEST_PORT = 65535


def main(args: argparse.Namespace) -> int:
    """Serves until Ctrl-C or SIGTERM, or until the command after `--` ends; returns its exit status then."""
    if not 0 <= args.port <= _HIGHEST_PORT:
        raise UsageError(
            f"--port must be from 1 to {_HIGHEST_PORT}, or 0 for any that is free (got {args.port})."
        )
    if args.cores is not None and args.cores < 1:
        raise UsageError(f"--cores must be at least 1 (got {args.cores}).")
    user = dict(os.environ)
    home = home_from(user) if args.state is None else Home.open(args.state, "--state")
    isolate(os.environ)
    from pipeline.local.endpoint.engine import Choices
    from pipeline.local.endpoint.surroundings import exports
    from pipeline.local.local_sagemaker import local_sagemaker
    from pipeline.targets.aws.local_stack import describe_stacks

    stop = threading.Event()

    def stack(form: Mapping[str, str]) -> str:
        """For this project's own commands with --target sagemaker."""
        return describe_stacks(form, sagemaker.client("sagemaker"))

    choices = Choices(cores=args.cores)
    forms = {("cloudformation", "DescribeStacks"): stack}
    with (
        stop_on_signals(stop),
        local_sagemaker(home.root, args.port, user=user, say=say, choices=choices, forms=forms) as sagemaker,
    ):
        if args.program:
            return _run(args.program, sagemaker, user, stop)
        say(f"A local SageMaker listens at {sagemaker.url}. In the shell of its clients:")
        print(exports(user, sagemaker.environment), flush=True)
        say("Ctrl-C ends it; executions that run then are stopped, and can be retried.")
        while not stop.wait(_SIGNAL_SECONDS):
            pass
    say("Ended.")
    return 0


def _run(
    program: Sequence[str], sagemaker: LocalSageMaker, user: Mapping[str, str], stop: threading.Event
) -> int:
    """Run the program as a client of the server; returns its exit status."""
    from pipeline.local.endpoint.surroundings import command_environment

    try:
        started = subprocess.Popen(program, env=command_environment(user, sagemaker.environment))
    except OSError as error:
        print(f"error: Could not run {program[0]}: {error.strerror}.", file=sys.stderr)
        return _NOT_FOUND if isinstance(error, FileNotFoundError) else _NOT_ALLOWED
    with started:
        told = False
        while (status := _status(started)) is None:
            if stop.is_set() and not told:
                told = True
                # Of a Ctrl-C it knows itself, by the terminal; a second signal does no harm.
                started.send_signal(signal.SIGTERM)
    return status if status >= 0 else _BY_SIGNAL - status


def _status(started: subprocess.Popen[bytes]) -> int | None:
    try:
        return started.wait(_SIGNAL_SECONDS)
    except subprocess.TimeoutExpired:
        return None
