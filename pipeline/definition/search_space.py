"""What `--tune` searches: one table of hyperparameters, equal for every candidate, and the choices of a search."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.errors import UsageError

STRATEGIES = ("Bayesian", "Random", "Grid", "Hyperband")
OBJECTIVE = "validation_accuracy"
# Trainings under several seeds come after a search whose trials have one of their own, so that no seed of theirs is
# the one that chose the settings.
SEED_OF_TRIALS = 1000
# The day Fashion-MNIST was published. Never 0: sagemaker 3.27.0 leaves out a seed of 0.
SEARCH_SEED = 20170825
AT_ONCE = 2
MOST_TRIALS = 100


@dataclass(frozen=True)
class Tuned:
    """One hyperparameter: numbers from `low` to `high`, or one of `values`; `grid` are those that Grid tries."""

    name: str
    meaning: str
    grid: tuple[str, ...]
    low: float = 0.0
    high: float = 0.0
    logarithmic: bool = False
    values: tuple[str, ...] = ()


SPACE = (
    Tuned(
        "learning-rate",
        "peak of the schedule",
        grid=("0.002", "0.006", "0.018"),
        low=0.001,
        high=0.03,
        logarithmic=True,
    ),
    Tuned(
        "batch-size",
        "images per step of the optimizer",
        grid=("64", "128", "256"),
        values=("64", "128", "256"),
    ),
    Tuned(
        "label-smoothing",
        "share of the expected probability that is spread over all classes",
        grid=("0", "0.1"),
        low=0.0,
        high=0.2,
    ),
)
# How near to an end of its range a best value suggests that the range was too narrow, as a share of it.
NEAR_AN_END = 0.05
GRID_SIZE = math.prod(len(each.grid) for each in SPACE)


def check_search(trials: int, strategy: str) -> None:
    """Raises UsageError for a search that cannot be made."""
    if strategy not in STRATEGIES:
        raise UsageError(f"--tune-strategy must be one of {', '.join(STRATEGIES)} (got {strategy!r}).")
    if not 0 <= trials <= MOST_TRIALS:
        raise UsageError(f"--tune takes 1 to {MOST_TRIALS} trials for each candidate (got {trials}).")
    if trials and strategy == "Grid" and trials != GRID_SIZE:
        sizes = " × ".join(f"{len(each.grid)} of {each.name}" for each in SPACE)
        raise UsageError(
            f"--tune-strategy Grid tries all {GRID_SIZE} combinations ({sizes}): use --tune {GRID_SIZE} "
            f"(got {trials})."
        )


def names() -> tuple[str, ...]:
    """The hyperparameters that are tuned."""
    return tuple(each.name for each in SPACE)


def without_tuned(hyperparameters: Mapping[str, str]) -> dict[str, str]:
    """Those of a candidate's hyperparameters that a search leaves alone."""
    return {name: value for name, value in hyperparameters.items() if name not in names()}


def end_of_range(name: str, value: str) -> str | None:
    """The end of its range that a tuned value lies at, "lowest" or "highest"; None between, and for other names."""
    tuned = next((each for each in SPACE if each.name == name), None)
    if tuned is None:
        return None
    if tuned.values:
        return {tuned.values[0]: "lowest", tuned.values[-1]: "highest"}.get(value)
    low, high, number = tuned.low, tuned.high, float(value)
    if tuned.logarithmic:
        low, high, number = math.log(low), math.log(high), math.log(number)
    share = (number - low) / (high - low)
    return "lowest" if share <= NEAR_AN_END else "highest" if share >= 1 - NEAR_AN_END else None
