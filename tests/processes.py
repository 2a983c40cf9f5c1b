"""Processes that have ended, for tests of what is left of them."""

from __future__ import annotations

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
