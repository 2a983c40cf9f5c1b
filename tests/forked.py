"""Commands that need not import anything: each is a fork of a process that already has (templates.py).

A command is a process of its own all the same, with the streams, environment, signals and exit status that it would
have. What is only true of a fresh interpreter (its start, what it imports, its hash seed) is tested where the
interpreter is started.
"""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from tests.commands_template import WITH_MORE
from tests.forked_popen import LIMITS, ForkedPopen

ROOT = Path(__file__).resolve().parents[1]
# What Python and its packages look at when they start or are imported, so that a fork cannot be told otherwise.
EARLY = ("PYTHON", "LANG", "LC_", "TZ", "LD_", "HOME", "XDG_", "OMP_", "OPENBLAS_", "MALLOC_", "MPL")


def circumstances(environment: Mapping[str, str]) -> list[Any]:
    """What a process has from the one that starts it, and a fork of a template so has from that."""
    kept = {name: value for name, value in environment.items() if name.startswith(EARLY)}
    return [kept, *(resource.getrlimit(each) for each in LIMITS), signal.getsignal(signal.SIGHUP)]


# While tests are collected: no test has changed anything yet.
USUAL = circumstances(os.environ)


def start_command(
    words: Sequence[str],
    environment: Mapping[str, str],
    out: IO[bytes],
    err: IO[bytes],
    under: Sequence[str] = (),
) -> subprocess.Popen[bytes]:
    """`python -m pipeline WORDS…`, with nothing on its standard input.

    Forked, unless a program (`under`) is to start it, or it is to have other limits or variables than the template
    has.
    """
    usual = circumstances(environment) == USUAL == circumstances(os.environ)
    streams: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": out, "stderr": err}
    command = [*under, sys.executable, "-m", "pipeline", *words]
    if under or not usual or not ForkedPopen.templates:
        return subprocess.Popen(command, cwd=ROOT, env=environment, **streams)
    with_more = set(words[:1]) & WITH_MORE and "--definition" not in words
    template = "commands with more" if with_more else "commands"
    return ForkedPopen(command, cwd=ROOT, env=environment, template=template, **streams)
