"""The choices on the command line that the definition is compiled for: candidates, seeds, instances."""

from __future__ import annotations

import argparse

from pipeline.candidates import DEFAULT_CANDIDATES, find_candidates
from pipeline.errors import UsageError
from pipeline.settings import MAX_INSTANCES

MAX_SEEDS = 20  # Evaluate has a hundred arguments at most, and one for each candidate under each seed


def graph_choices(args: argparse.Namespace) -> tuple[tuple[str, ...], tuple[int, ...], int]:
    """Candidates, seeds and a training job's instances, out of the arguments.

    Raises UsageError for an unknown candidate or a wrong number.
    """
    names = DEFAULT_CANDIDATES
    if args.candidates is not None:
        names = tuple(name.strip() for name in args.candidates.split(",") if name.strip())
    find_candidates(names)
    if not 1 <= args.seeds <= MAX_SEEDS:
        raise UsageError(
            f"Choosing seeds: expected a number of seeds from 1 to {MAX_SEEDS}. Received: --seeds {args.seeds}. "
            "Each candidate is trained once under each seed."
        )
    if not 1 <= args.instances <= MAX_INSTANCES:
        raise UsageError(
            f"Choosing instances: expected 1 to {MAX_INSTANCES} for each training job. "
            f"Received: --instances {args.instances}. They share every batch; one is the default."
        )
    return names, tuple(range(args.seeds)), args.instances
