"""Runs a command to its end and measures it: seconds, peak memory, what it printed; and a benchmark's own end."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn

from pipeline.errors import FashionError

_TAIL_LINES = 15
_MEMORY_UNIT = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss, in bytes


@dataclass(frozen=True)
class Ended:
    """`seconds` of the whole process; `peak_memory` in bytes, the largest it was resident."""

    lines: tuple[str, ...]
    seconds: float
    peak_memory: int


def run_measured(command: Sequence[str], **more: str) -> Ended:
    """Run `command`, which must succeed; `more` is added to its environment.

    Peak memory is the process's own, and not that of its children.

    Raises:
        RuntimeError: it ended with another status than 0; the message has the end of its output.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SM_")}
    environment |= {"TF_CPP_MIN_LOG_LEVEL": "2", "PYTHONUNBUFFERED": "1"} | more
    began = time.perf_counter()
    process = subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    assert process.stdout is not None
    try:
        with process.stdout as stream:
            lines = tuple(line.rstrip("\n") for line in stream)
        _, status, usage = os.wait4(process.pid, 0)
    except BaseException:
        process.kill()
        process.wait()
        raise
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - began
    if process.returncode != 0:
        said = "\n".join(lines[-_TAIL_LINES:])
        raise RuntimeError(f"{' '.join(command[:2])} … ended with status {process.returncode}:\n{said}")
    return Ended(lines, seconds, usage.ru_maxrss * _MEMORY_UNIT)


def end_with(measure: Callable[[], int]) -> NoReturn:
    """End this process with the status that `measure` returns, or with one message if it fails."""
    try:
        sys.exit(measure())
    except FashionError as error:
        sys.exit(f"error: {error}")
    except RuntimeError as error:
        sys.exit(f"A measured command failed: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
