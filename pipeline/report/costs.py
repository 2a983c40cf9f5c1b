"""The report's table of costs: what each model needs, and in multiples of the 3×3 network. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.analysis.results import Analysis, CandidateSummary, CostRatio
from pipeline.formatting import MISSING, count, duration

REFERENCE = "cnn-3x3"


@dataclass(frozen=True)
class Cost:
    """One model's costs; each ratio is "1.24×", or empty without a reference."""

    name: str
    params: str
    params_ratio: str
    flops: str
    flops_ratio: str
    seconds: str
    seconds_ratio: str
    images_per_second: str


def make_costs(analysis: Analysis) -> list[Cost]:
    """Every model's costs, in the order of the evaluation."""
    return [cost(each, analysis.cost(each.name, REFERENCE)) for each in analysis.candidates]


def cost(each: CandidateSummary, ratio: CostRatio | None) -> Cost:
    """One row."""
    return Cost(
        each.name,
        count(each.params),
        times(None if ratio is None else ratio.params),
        flops(each.forward_flops),
        times(None if ratio is None else ratio.forward_flops),
        duration(each.train_seconds),
        times(None if ratio is None else ratio.train_seconds),
        count(each.images_per_second),
    )


def times(ratio: float | None) -> str:
    """A ratio: "1.24×"."""
    return "" if ratio is None else f"{ratio:.2f}×"


def flops(number: int | None) -> str:
    """Floating-point operations: "7.3 million"."""
    if number is None:
        return MISSING
    return f"{number / 1e6:,.1f} million" if number >= 100_000 else count(number)
