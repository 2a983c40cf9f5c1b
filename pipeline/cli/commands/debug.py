"""`debug`: a shell, or a command, where the job of a failed step ran."""

from __future__ import annotations

import argparse
import os
import shlex

from pipeline.console import say
from pipeline.errors import UsageError
from pipeline.local.debugging import Left, find_left, start_again
from pipeline.local.opened import open_state
from pipeline.local.state.history import read_execution
from pipeline.local.state.isolation import isolate
from pipeline.local.state.state_dir import home_from
from pipeline.local.state.store import Store


def main(args: argparse.Namespace) -> int:
    """Starts the user's command in the job's folder; returns its exit status."""
    words = args.words[1:] if args.words[:1] == ["--"] else args.words
    if words and words[0].startswith("-"):
        raise UsageError(
            f"{words[0]} stands where the command to run begins. Options of debug itself come first: "
            "python -m pipeline debug --host NAME ID STEP -- COMMAND"
        )
    home = home_from(os.environ)
    user = dict(os.environ)
    isolate(os.environ)
    with Store(home) as store:
        record = read_execution(home, store, args.execution)
        left = find_left(home, record, args.step, args.host)
    with open_state(home, say, containers=left.start.launcher == "container") as opened:
        # While it waited, another command may have run it again.
        record = opened.store.load_execution(record.execution_id)
        left = find_left(home, record, args.step, args.host)
        tell(left, shell=not words)
        try:
            return start_again(opened, record, left, words, say, user)
        except OSError as error:
            raise UsageError(
                f"Could not start {words[0] if words else 'a shell'}: {error.strerror}."
            ) from None


def tell(left: Left, *, shell: bool) -> None:
    """Says where the user is going to be, and what the job ran there."""
    say(f"The folder of {left.start.job}: {left.folder / left.place}")
    say(f"The job ran, in {left.host.cwd}:\n  {shlex.join(left.host.command)}")
    if shell:
        say(
            "A shell follows, where it ran; leave it with Ctrl-D. What it puts into the local S3 stays there."
        )
