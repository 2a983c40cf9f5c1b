"""Processes of tests: ones that have ended, and what those that run make are given."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace

from pipeline.local.state.identity import ProcessIdentity, start_of


def ended_process() -> ProcessIdentity:
    """The identity of a process that ran here a moment ago."""
    with subprocess.Popen(["sleep", "60"]) as process:
        started = start_of(process.pid)
        assert started is not None
        process.kill()
    return replace(ProcessIdentity.mine(), pid=process.pid, started=started)


def environment_of_make() -> dict[str, str]:
    """This process's environment without what the make that runs the tests was given: it would hold for another."""
    given = ("TARGET", "PARAMS", "ARGS", "BASE", "REV", "PYTHON")
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("MAKE", "MFLAGS")) and name not in given
    }
