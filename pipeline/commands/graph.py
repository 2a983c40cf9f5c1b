"""The choices on the command line that change the pipeline's graph: candidates and seeds."""

from __future__ import annotations

import argparse

from pipeline.candidates import DEFAULT_CANDIDATES, find_candidates
from pipeline.errors import UsageError

MAX_SEEDS = 20  # Evaluate has a hundred arguments at most, and one for each candidate under each seed


def graph_choices(args: argparse.Namespace) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Candidates and seeds out of the arguments; raises UsageError for an unknown candidate or a wrong count."""
    names = DEFAULT_CANDIDATES
    if args.candidates is not None:
        names = tuple(name.strip() for name in args.candidates.split(",") if name.strip())
    find_candidates(names)
    if not 1 <= args.seeds <= MAX_SEEDS:
        raise UsageError(
            f"Choosing seeds: expected a number of seeds from 1 to {MAX_SEEDS}. Received: --seeds {args.seeds}. "
            "Each candidate is trained once under each seed."
        )
    return names, tuple(range(args.seeds))
