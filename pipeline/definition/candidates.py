"""The models that the pipeline trains and compares: one table, one entry a candidate.

To add a candidate, add an entry; its hyperparameters become flags of training/train.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pipeline.errors import UsageError


@dataclass(frozen=True)
class Candidate:
    """One architecture. What is not named here is equal for all: data, order, optimizer, schedule."""

    name: str
    summary: str
    hyperparameters: Mapping[str, str] = field(default_factory=dict)


# Equal for the whole controlled experiment. What a number of epochs is worth depends on it: see docs/study.
RECIPE = {"augmentation": "flip", "label-smoothing": "0.1", "weight-decay": "0"}

CANDIDATES = (
    Candidate("baseline", "dense network without convolution", {"architecture": "dense", **RECIPE}),
    Candidate(
        "cnn-3x3",
        "convolutional network, 3×3 kernels",
        {"architecture": "cnn", "kernel-size": "3", "filters": "32,64", **RECIPE},
    ),
    Candidate(
        "cnn-5x5",
        "convolutional network, 5×5 kernels",
        {"architecture": "cnn", "kernel-size": "5", "filters": "32,64", **RECIPE},
    ),
    Candidate(
        "cnn-5x5-params",
        "convolutional network, 5×5 kernels, as many parameters as cnn-3x3",
        {"architecture": "cnn", "kernel-size": "5", "filters": "29,60", **RECIPE},
    ),
    Candidate(
        "cnn-5x5-flops",
        "convolutional network, 5×5 kernels, as many FLOPs as cnn-3x3",
        {"architecture": "cnn", "kernel-size": "5", "filters": "19,39", **RECIPE},
    ),
    Candidate(
        "resnet",
        "small residual network, for accuracy alone",
        {
            "architecture": "resnet",
            "augmentation": "full",
            "label-smoothing": "0.1",
            "weight-decay": "0.02",
        },
    ),
)

# The case study's three, and those that keep parameters or FLOPs equal while the kernel grows.
DEFAULT_CANDIDATES: tuple[str, ...] = ("baseline", "cnn-3x3", "cnn-5x5")
STUDY_CANDIDATES: tuple[str, ...] = (*DEFAULT_CANDIDATES, "cnn-5x5-params", "cnn-5x5-flops")


def find_candidates(names: tuple[str, ...]) -> tuple[Candidate, ...]:
    """The candidates called `names`, in that order.

    Raises UsageError for an unknown, repeated or missing name.
    """
    known = {candidate.name: candidate for candidate in CANDIDATES}
    if not names:
        raise UsageError(
            f"--candidates must name at least one of {', '.join(known)}. For example: --candidates cnn-3x3"
        )
    for name in names:
        if name not in known:
            import difflib

            near = difflib.get_close_matches(name, known, n=1)
            hint = (
                f"Did you mean {near[0]}?"
                if near
                else "They are listed in pipeline/definition/candidates.py."
            )
            raise UsageError(f"There is no candidate {name!r}, only {', '.join(known)}. {hint}")
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise UsageError(
            f"--candidates names {', '.join(repeated)} more than once. To train one under several seeds, use "
            "--seeds."
        )
    return tuple(known[name] for name in names)
