"""How every command's process begins and ends: its streams, its signals, its exit status. See __main__.py.

Ctrl-C, SIGTERM and SIGHUP end a command at any moment without a traceback, with exit status 130: while modules are
imported, while another Ctrl-C is dealt with, and while the interpreter ends.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import os
import signal
import sys
import threading
from collections.abc import Sequence
from types import FrameType, TracebackType
from typing import Any

from pipeline.cli.streams import open_streams

INTERRUPTED = 130
# Fewer open files do not suffice to import what a command needs: Python then takes a module for missing.
LEAST_FILES, ENOUGH_FILES = 64, 1024
_RESEND_SECONDS = 0.05
# What an import makes stays: looking through it at every 700 objects takes a tenth of a short command's time.
_OBJECTS_BETWEEN_COLLECTIONS = 50_000


def run_process(module: str, argv: Sequence[str], doers: Sequence[str] = ()) -> int:
    """Runs `main(argv)` of `module` in this process; returns the exit status.

    A command that is one of `doers` is judged by what it did; any other has failed when its output is lost.
    """
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
    ending: list[int] = []
    atexit.register(_end_at_once, ending)
    sys.excepthook, sys.unraisablehook = _end_quietly, _interrupt_again
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # else nohup has asked for that
        signal.signal(signal.SIGHUP, _interrupt)
    outlet = open_streams()
    try:
        if (lack := _lack_of_files()) is not None:
            print(f"error: {lack}", file=sys.stderr)
            return 2
        status = _exit_status(lambda: int(importlib.import_module(module).main(argv)))
        sys.stdout.flush()
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        status = INTERRUPTED
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda number, frame: os._exit(INTERRUPTED))
    if outlet.complaint is not None:
        print(f"error: {outlet.complaint}", file=sys.stderr)
        did = bool(argv) and argv[0] in doers and not {"-h", "--help"} & set(argv)
        status = status or (0 if did else 1)
    ending.append(status)
    return status


def _exit_status(main: Any) -> int:
    try:
        status: int = main()
    except SystemExit as end:  # of argparse
        return end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    return status


def _lack_of_files() -> str | None:
    """What to say when too few files can be open at once; raises the limit first, where that is allowed."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = sys.maxsize if hard == resource.RLIM_INFINITY else hard
    if soft != resource.RLIM_INFINITY and soft < ENOUGH_FILES:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, ENOUGH_FILES), hard))
    if most >= LEAST_FILES:
        return None
    return (
        f"Only {most} files may be open at once here, and {LEAST_FILES} are needed. Raise it: ulimit -n 1024"
    )


def _end_at_once(ending: list[int]) -> None:
    """Ends the process with the status in `ending`, if there is one, after all other work that was left to its end.

    What the interpreter does after that would only harm: it takes the signals' handlers away, kills itself with
    SIGINT where an interrupt came within the text of an exec, and aborts where a thread is about to write.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    if ending:
        os._exit(ending[0])


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _end_quietly(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Ends the process where an interrupt got past everything, such as one while another was dealt with."""
    if issubclass(kind, KeyboardInterrupt):
        os._exit(INTERRUPTED)
    sys.__excepthook__(kind, error, trace)


def _interrupt_again(ignored: sys.UnraisableHookArgs) -> None:
    """Interrupts once more where Python would drop the interrupt: it came while an object was taken down."""
    if issubclass(ignored.exc_type, KeyboardInterrupt):
        again = threading.Timer(_RESEND_SECONDS, os.kill, (os.getpid(), signal.SIGINT))
        again.daemon = True
        again.start()
    else:
        sys.__unraisablehook__(ignored)
