"""Runs a command for a cell, and passes on each line that it writes while it runs."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

POLL_SECONDS = 0.2
INTERRUPTED = 130


@dataclass(frozen=True)
class Done:
    """How a command ended: its exit status, its standard output, its standard error."""

    status: int
    out: str
    err: str

    @property
    def last_words(self) -> str:
        """The end of what it said, for a message."""
        said = (self.err.strip() or self.out.strip()).splitlines()
        return "\n".join(said[-15:]) or "nothing"


def run_command(
    words: Sequence[str | Path],
    folder: Path,
    environ: Mapping[str, str],
    hear: Callable[[str], None] = lambda line: None,
) -> Done:
    """Runs a command to its end; `hear` gets each line of its standard error at once.

    Interrupting the cell is Ctrl-C for the command, which ends in good order, with exit status INTERRUPTED;
    interrupting it again kills the command. It writes to files and is of a session of its own: when the kernel dies
    or is started anew, it goes on, and the next command waits for it.

    Raises:
        KeyboardInterrupt: the cell was interrupted twice; the command was killed.
        OSError: the command cannot be started.
    """
    with tempfile.TemporaryFile("w+b") as out, tempfile.NamedTemporaryFile("w+b") as err:
        process = subprocess.Popen(
            [str(word) for word in words],
            cwd=folder,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
        interrupted = False
        with Path(err.name).open(encoding="utf-8", errors="replace") as reading:
            while True:
                try:
                    ended = process.poll() is not None
                    for line in new_lines(reading, ended):
                        hear(line)
                    if ended:
                        break
                    time.sleep(POLL_SECONDS)
                except KeyboardInterrupt:
                    if interrupted:
                        os.killpg(process.pid, signal.SIGKILL)
                        process.wait()
                        raise
                    interrupted = True
                    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
            reading.seek(0)
            said = reading.read()
        out.seek(0)
        return Done(process.returncode, out.read().decode(errors="replace"), said)


def new_lines(reading: IO[str], ended: bool) -> Iterator[str]:
    """The lines written since the last call, without their ends; one that is not whole waits, unless `ended`."""
    while True:
        start = reading.tell()
        line = reading.readline()
        if not line:
            return
        if not line.endswith("\n") and not ended:
            reading.seek(start)
            return
        yield line.rstrip("\n")
