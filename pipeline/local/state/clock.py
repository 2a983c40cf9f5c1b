"""What time it is, for what is written down. Durations of steps are measured by time.monotonic, which nobody sets.

A command reads the wall clock once, and counts on from there: were it set meanwhile, an execution of a minute would
read as one of a year.
"""

from __future__ import annotations

import functools
import os
import time

from pipeline.local.state.fault_injection import ClockFault, faults_from


def now() -> float:
    """This moment in seconds since the epoch. Within a command it goes on evenly, whatever is done to the clock.

    It may lie before what an earlier command wrote down.
    """
    wall, began = _first_reading()
    return wall + _steady() - began


def wall() -> float:
    """What the clock of this machine says."""
    fault, began = _fault()
    jumped = fault is not None and time.monotonic() - began >= fault.after
    return time.time() + (fault.jump if fault is not None and jumped else 0.0)


def _steady() -> float:
    """Seconds that nobody sets, in which those count that a laptop slept, where the system says."""
    boottime = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boottime is None else time.clock_gettime(boottime)


@functools.cache
def _first_reading() -> tuple[float, float]:
    """The wall clock and the steady one, read together once."""
    return wall(), _steady()


@functools.cache
def _fault() -> tuple[ClockFault | None, float]:
    """The jump that a test asks for, and when the clock was first read."""
    return faults_from(os.environ).clock, time.monotonic()
