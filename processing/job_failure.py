"""How a processing script ends: well, with one clear message, or with a bug's traceback.

Both entry points run through `run_job`. SageMaker shows the content of `/opt/ml/output/message` as the job's
ExitMessage, which becomes the pipeline step's failure reason.
"""

import argparse
import errno
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

EXIT_MESSAGE_FILE = "/opt/ml/output/message"
EXIT_MESSAGE_LENGTH = 1000  # DescribeProcessingJob returns at most 1,024 characters of ExitMessage

_DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class JobError(Exception):
    """A mistake or a fault that whoever started the job can do something about."""

    exit_status = 1


class UsageError(JobError):
    """The command line is wrong: nothing was started."""

    exit_status = 2


class JobArgumentParser(argparse.ArgumentParser):
    """An ArgumentParser whose errors are raised, so that they reach the exit message file too."""

    def __init__(self, description: str | None) -> None:
        super().__init__(
            description=description,
            allow_abbrev=False,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        self.add_argument(
            "--exit-message",
            type=Path,
            default=Path(EXIT_MESSAGE_FILE),
            help="where the reason of a failure is written, if its folder exists",
        )

    def error(self, message: str) -> NoReturn:
        """Raise UsageError with the parser's message."""
        raise UsageError(f"{message}. See {self.prog} --help.")


def run_job(
    parse_args: Callable[[Sequence[str]], argparse.Namespace],
    main: Callable[[argparse.Namespace], None],
    argv: Sequence[str],
) -> int:
    """Parse, run, and return the exit status: 0, 1 (the run failed) or 2 (wrong usage).

    Anything but a JobError is a bug: it is raised again so that its traceback shows.
    """
    try:
        main(parse_args(argv))
    except JobError as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        _leave_exit_message(argv, str(error))
        return error.exit_status
    except Exception as error:
        _leave_exit_message(argv, f"A bug, see the log: {type(error).__name__}: {error}")
        raise
    return 0


@contextmanager
def while_doing(what: str) -> Iterator[None]:
    """Turn what the operating system refuses into a JobError that says what was being done.

    `what` completes the sentence "Could not …".
    """
    try:
        yield
    except OSError as error:
        if error.errno in _DISK_FULL:
            hint = "The disk is full: free some space, or choose a larger volume, and run it again."
        elif error.errno in (errno.EACCES, errno.EPERM):
            hint = "Check who owns the file and its folder, and their permissions."
        elif error.errno == errno.ENOENT:
            hint = "Check the path."
        else:
            hint = "Check the path and the disk."
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise JobError(f"Could not {what}: {reason}. {hint}") from error


def _leave_exit_message(argv: Sequence[str], message: str) -> None:
    # The flag is looked up by hand because a wrong command line has no parsed arguments.
    path = Path(EXIT_MESSAGE_FILE)
    for flag, value in zip(argv, [*argv[1:], ""], strict=True):
        if flag == "--exit-message":
            path = Path(value)
        elif flag.startswith("--exit-message="):
            path = Path(flag.partition("=")[2])
    leave_message(path, message)


def leave_message(path: Path, message: str) -> None:
    """Write what SageMaker shows as the job's ExitMessage, also of one that succeeded; cut where it is too long."""
    if not path.parent.is_dir():  # outside a container: standard error has said it
        return
    try:
        path.write_text(message[:EXIT_MESSAGE_LENGTH], encoding="utf-8")
    except OSError as error:
        print(f"note: the exit message could not be written to {path}: {error}", file=sys.stderr, flush=True)
