"""The case study's claims as hypotheses, declared before a run is looked at, and the rule that decides each.

Everything here is fixed in advance: what is compared, which way round, which difference matters, which errors are
accepted; pipeline/analysis/judging.py holds the rule. docs/hypotheses.md is both in words, and a test keeps them
together. A claim is `confirmed`, `refuted` or `undecided`; undecided is an answer, and the usual one for few seeds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pipeline.analysis.results import Measure

ALPHA = 0.05  # accepted chance of any wrong "confirmed" or "refuted by the other sign" in a family, two-sided
LEAST_SEEDS = 3  # with two, a standard deviation is one number's guess

Family = Literal["primary", "secondary"]


@dataclass(frozen=True)
class Comparison:
    """`first` minus `second`, over seeds. Positive speaks for the claim; below `relevant` nobody would notice."""

    key: str
    first: str
    second: str
    measure: Measure
    relevant: float
    family: Family
    reason: str


@dataclass(frozen=True)
class CostClaim:
    """`name` needs at least `relevant` times the forward FLOPs of `reference`."""

    name: str
    reference: str
    relevant: float
    reason: str


@dataclass(frozen=True)
class Hypothesis:
    """One claim. It holds if every comparison, and the cost claim if there is one, holds."""

    key: str
    claim: str
    comparisons: tuple[Comparison, ...] = ()
    cost: CostClaim | None = None


HYPOTHESES: tuple[Hypothesis, ...] = (
    Hypothesis(
        "convolution",
        "The convolutional network is more accurate than the dense baseline.",
        (
            Comparison(
                "convolution-accuracy",
                "cnn-3x3",
                "baseline",
                "test_accuracy",
                0.01,
                "primary",
                "The case study's bands lie five points apart; one point is the least that would support it.",
            ),
        ),
    ),
    Hypothesis(
        "kernel-size",
        "3×3 kernels are more accurate than 5×5 kernels and generalize better.",
        (
            Comparison(
                "kernel-accuracy",
                "cnn-3x3",
                "cnn-5x5",
                "test_accuracy",
                0.002,
                "primary",
                "0.2 points are 20 of the 10,000 test images.",
            ),
            Comparison(
                "kernel-generalization",
                "cnn-5x5",
                "cnn-3x3",
                "train_validation_gap",
                0.002,
                "primary",
                "Generalizing better is a smaller gap from training to validation accuracy, by 0.2 points.",
            ),
        ),
    ),
    Hypothesis(
        "kernel-cost",
        "5×5 kernels cost more.",
        cost=CostClaim(
            "cnn-5x5",
            "cnn-3x3",
            1.1,
            "FLOPs of one forward pass, counted from the built model; a tenth more is the least that matters.",
        ),
    ),
)

# The opt-in arms, and the study's other convolutional network against the baseline. They explain the answers above
# and decide none of them.
SECONDARY: tuple[Hypothesis, ...] = (
    Hypothesis(
        "convolution-5x5",
        "The convolutional network with 5×5 kernels is more accurate than the dense baseline.",
        (
            Comparison(
                "convolution-5x5-accuracy",
                "cnn-5x5",
                "baseline",
                "test_accuracy",
                0.01,
                "secondary",
                "As for 3×3 kernels.",
            ),
        ),
    ),
    Hypothesis(
        "kernel-size-params",
        "3×3 kernels are more accurate than 5×5 kernels with the same number of parameters.",
        (
            Comparison(
                "kernel-params-accuracy",
                "cnn-3x3",
                "cnn-5x5-params",
                "test_accuracy",
                0.002,
                "secondary",
                "As for equal widths.",
            ),
        ),
    ),
    Hypothesis(
        "kernel-size-flops",
        "3×3 kernels are more accurate than 5×5 kernels with the same number of FLOPs.",
        (
            Comparison(
                "kernel-flops-accuracy",
                "cnn-3x3",
                "cnn-5x5-flops",
                "test_accuracy",
                0.002,
                "secondary",
                "As for equal widths.",
            ),
        ),
    ),
)

ALL = (*HYPOTHESES, *SECONDARY)


def declared(family: Family) -> tuple[Comparison, ...]:
    """The comparisons of one family. Holm corrects p-values over all of these, whether they were run or not."""
    return tuple(
        comparison
        for hypothesis in ALL
        for comparison in hypothesis.comparisons
        if comparison.family == family
    )
