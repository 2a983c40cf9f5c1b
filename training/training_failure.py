"""How a training job ends: well, with one clear message, or with a bug's traceback.

train.py runs through `run_job`. SageMaker shows the first 1,024 characters of `/opt/ml/output/failure` as the job's
failure reason.
"""

import errno
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

DEFAULT_OUTPUT_DIR = "/opt/ml/output"
FAILURE_LENGTH = 1024

_DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

Settings = TypeVar("Settings")


class TrainingError(Exception):
    """A mistake or a fault that whoever started the job can do something about."""

    exit_status = 1


class UsageError(TrainingError):
    """The command line or a hyperparameter is wrong: nothing was started."""

    exit_status = 2


class DataError(TrainingError):
    """The processed data are missing, damaged, or not what their manifest says. The message names the file."""


class NonFiniteLossError(TrainingError):
    """The loss or one of its gradients became NaN or infinite. The message names epoch and step."""


class LostHostError(TrainingError):
    """Another host of the job is gone: this one can do nothing without it."""


class ModelError(TrainingError):
    """A model folder is damaged or was not written by export.py. The message names the file."""


class StoppedError(TrainingError):
    """SIGTERM ended the training; a checkpoint was written first."""

    exit_status = 143  # 128 + SIGTERM: what a shell reports for a process that the signal killed


def run_job(
    parse_args: Callable[[Sequence[str]], Settings], main: Callable[[Settings], None], argv: Sequence[str]
) -> int:
    """Parse, run, and return the exit status: 0, 1 (the run failed), 2 (wrong usage) or 143 (stopped).

    Anything but a TrainingError is a bug: it is raised again so that its traceback shows.
    """
    try:
        main(parse_args(argv))
    except StoppedError as stopped:
        print(stopped, flush=True)  # no failure: whoever sent the signal wanted this
        return stopped.exit_status
    except TrainingError as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        _write_failure(argv, str(error))
        return error.exit_status
    except Exception as error:
        _write_failure(argv, f"A bug, see the log: {type(error).__name__}: {error}")
        raise
    return 0


@contextmanager
def while_doing(what: str) -> Iterator[None]:
    """Turn what the operating system refuses into a TrainingError that says what was being done.

    `what` completes the sentence "Could not …".
    """
    try:
        yield
    except OSError as error:
        if error.errno in _DISK_FULL:
            hint = "The disk is full: free some space, or choose a larger volume, and run it again."
        elif error.errno in (errno.EACCES, errno.EPERM):
            hint = "Check who owns the file and its folder, and their permissions."
        else:
            hint = "Check the path and the disk."
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise TrainingError(f"Could not {what}: {reason}. {hint}") from error


def _write_failure(argv: Sequence[str], message: str) -> None:
    # The flag is looked up by hand because a wrong command line has no parsed arguments.
    folder = os.environ.get("SM_OUTPUT_DIR", DEFAULT_OUTPUT_DIR)
    for flag, value in zip(argv, [*argv[1:], ""], strict=True):
        if flag == "--output-dir":
            folder = value
        elif flag.startswith("--output-dir="):
            folder = flag.partition("=")[2]
    if not Path(folder).is_dir():  # outside a container: standard error has said it
        return
    path = Path(folder) / "failure"
    try:
        path.write_text(message[:FAILURE_LENGTH], encoding="utf-8")
    except OSError as error:
        print(f"note: the failure could not be written to {path}: {error}", file=sys.stderr, flush=True)
