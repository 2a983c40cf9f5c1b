"""How many cores each job gets.

The weights that a training ends with depend on its number of threads, so a job's share may not depend on which jobs
happen to run when it starts: it follows from the graph alone. Jobs of one level (the same number of steps before
them) share the machine; a job that is alone on its level has all of it.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from graphlib import TopologicalSorter

from pipeline.spec.definition import Definition
from pipeline.spec.step_types import job_types


def available_cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def share_cores(
    definition: Definition, waits_for: Mapping[str, frozenset[str]], cores: int, at_once: int | None
) -> dict[str, int]:
    """Cores of every job of `definition`, by step name, at least 1; `at_once` is the most jobs that run at once."""
    levels: dict[str, int] = {}
    for name in TopologicalSorter(waits_for).static_order():
        levels[name] = max((levels[before] + 1 for before in waits_for[name]), default=0)
    # The children of a ForEach or Tuning step share what it has.
    sharing = job_types() | {"ForEach", "Tuning"}
    jobs = [step.name for step in definition.steps if step.type in sharing]
    width = Counter(levels[name] for name in jobs)
    return {name: max(1, cores // min(width[levels[name]], at_once or cores)) for name in jobs}
