"""The command line: parses arguments, calls one module of pipeline.cli.commands, turns errors into exit statuses.

Nothing heavy is imported here: `--help` must answer at once, and the SageMaker SDK alone takes seconds.

Exit statuses: 0 succeeded; 1 the pipeline failed or its gate was missed; 2 wrong usage; 130 interrupted.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from pipeline.cli.entrance import INTERRUPTED
from pipeline.cli.parser import build_parser
from pipeline.cli.targets import carry_out
from pipeline.console import write_what_can_be_written
from pipeline.errors import FashionError, UsageError


def main(argv: Sequence[str]) -> int:
    """Runs one command and returns the exit status."""
    write_what_can_be_written()
    # A first word that is a flag says nothing of the command.
    only = argv[0] if argv and not argv[0].startswith("-") else None
    args = build_parser(only).parse_args(argv)
    try:
        check_place(argv)
        status = carry_out(args)
        sys.stdout.flush()
    except FashionError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_status
    except KeyboardInterrupt:
        print("Interrupted. Nothing was left half-written.", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader (head, less) went away: not an error. Python would complain when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (OSError, MemoryError) as error:
        print(f"error: {machine_fault(error)}", file=sys.stderr)
        return 1
    return status


def check_place(argv: Sequence[str]) -> None:
    """Raises UsageError for what no command can work with: half a path, or a working directory that is gone."""
    if any("\0" in word for word in argv):
        raise UsageError("An argument has a null character in it, which no file or step name can have.")
    try:
        Path.cwd()
    except OSError as error:
        raise UsageError(
            f"The working directory cannot be used ({error.strerror}): it was removed, or may not be read. Go to "
            "another one with cd, then run the same command."
        ) from None


def machine_fault(error: OSError | MemoryError) -> str:
    """What to say of a fault of the machine that no command has foreseen."""
    if isinstance(error, MemoryError):
        return "Out of memory. Free some, or run less at once (--parallel 1)."
    name = "" if error.filename is None else f"{os.fspath(error.filename)!r}: "
    hint = " Raise it: ulimit -n 1024." if error.errno in (errno.EMFILE, errno.ENFILE) else ""
    return f"{name}{error.strerror or error}.{hint}"
