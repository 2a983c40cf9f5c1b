"""The wall clock, for what is written down. Durations are measured by time.monotonic, which nobody sets."""

from __future__ import annotations

import functools
import os
import time

from pipeline.local.fault_injection import ClockFault, faults_from


def now() -> float:
    """This moment in seconds since the epoch; it may lie before the last one, when the clock was set meanwhile."""
    fault, began = _fault()
    jumped = fault is not None and time.monotonic() - began >= fault.after
    return time.time() + (fault.jump if fault is not None and jumped else 0.0)


@functools.cache
def _fault() -> tuple[ClockFault | None, float]:
    """The jump that a test asks for, and when the clock was first read."""
    return faults_from(os.environ).clock, time.monotonic()
