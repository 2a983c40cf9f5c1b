"""The report's tables of differences: models over their seeds, and every two models image by image. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.analysis.case_study import SPLITS
from pipeline.analysis.hypotheses import ALL, ALPHA
from pipeline.analysis.results import Analysis, ImageComparison, Interval, SeedComparison
from pipeline.formatting import count, p_value, percent, signed_points, span

MOST_PAIRS = 45  # of ten models; with more, only those with the winner are shown
MEASURES = {
    "test_accuracy": "test accuracy",
    "train_validation_gap": "gap, training − validation",
    "validation_test_gap": "gap, validation − test",
}


@dataclass(frozen=True)
class Spread:
    """A mean over seeds and its interval; the interval is empty with one seed."""

    value: str
    interval: str


@dataclass(frozen=True)
class Model:
    """One model over its seeds."""

    name: str
    seeds: int
    accuracies: tuple[Spread, ...]
    gaps: tuple[Spread, ...]


def make_models(analysis: Analysis) -> list[Model]:
    """Every model's mean accuracies by split, and its gaps: training − validation, validation − test.

    Empty when no model has two seeds: then the leaderboard says it all.
    """
    if all(len(each.seeds) < 2 for each in analysis.candidates):
        return []
    models = []
    for each in analysis.candidates:
        accuracies = tuple(spread(each.mean_accuracy.get(split)) for split in SPLITS)
        gaps = tuple(gap_spread(each.mean_gap.get(name)) for name in ("train_validation", "validation_test"))
        models.append(Model(each.name, len(each.seeds), accuracies, gaps))
    return models


def spread(interval: Interval | None) -> Spread:
    """An accuracy over seeds."""
    if interval is None:
        return Spread("–", "")
    return Spread(percent(interval.value), span(interval.low, interval.high))


def gap_spread(interval: Interval | None) -> Spread:
    """A gap over seeds, in points."""
    if interval is None:
        return Spread("–", "")
    return Spread(signed_points(interval.value), signed_range(interval))


@dataclass(frozen=True)
class SeedRow:
    """A difference over seeds: `t` and `bootstrap` are its 95 % intervals in points."""

    pair: str
    measure: str
    seeds: int
    mean: str
    t: str
    bootstrap: str
    p: str
    note: str


def make_seed_rows(comparisons: Sequence[SeedComparison]) -> list[SeedRow]:
    """The declared comparisons of the run."""
    return [
        SeedRow(
            f"{each.first} − {each.second}",
            MEASURES[each.measure],
            len(each.seeds),
            signed_points(each.mean),
            signed_range(each.t_interval),
            signed_range(each.bootstrap),
            p_value(each.p_holm),
            each.note,
        )
        for each in comparisons
    ]


def declared(analysis: Analysis, baseline: bool) -> list[SeedComparison]:
    """The comparisons that were declared before the run: with the baseline, or between convolutional models."""
    order = {
        (each.first, each.second, each.measure): place
        for place, each in enumerate(one for claim in ALL for one in claim.comparisons)
    }
    found = [
        each
        for each in analysis.seed_comparisons
        if (each.first, each.second, each.measure) in order
        and ("baseline" in (each.first, each.second)) is baseline
    ]
    return sorted(found, key=lambda each: order[each.first, each.second, each.measure])


def relevant(comparison: SeedComparison) -> float | None:
    """The least difference that matters, as declared; None for one that was not."""
    wanted = (comparison.first, comparison.second, comparison.measure)
    for claim in ALL:
        for each in claim.comparisons:
            if (each.first, each.second, each.measure) == wanted:
                return each.relevant
    return None


@dataclass(frozen=True)
class Pair:
    """Two models on the same test images."""

    first: str
    second: str
    difference: str
    first_only: str
    second_only: str
    p: str
    p_holm: str
    significant: bool


def make_pairs(analysis: Analysis, winner: str) -> tuple[list[Pair], int]:
    """The comparisons that are shown, by p-value, and how many there are in all."""
    found = list(analysis.image_comparisons)
    shown = found
    if len(found) > MOST_PAIRS:
        shown = [each for each in found if winner in (each.first, each.second)]
    return [pair(each) for each in sorted(shown, key=lambda each: each.p_value)], len(found)


def pair(each: ImageComparison) -> Pair:
    """One comparison as the table has it."""
    return Pair(
        each.first_id,
        each.second_id,
        signed_points(each.difference),
        count(each.first_only),
        count(each.second_only),
        p_value(each.p_value),
        p_value(each.p_holm),
        each.p_holm < ALPHA,
    )


def signed_range(interval: Interval | None) -> str:
    """An interval of differences in points: "−0.08 to +0.74"."""
    if interval is None:
        return "–"
    return f"{signed_points(interval.low)} to {signed_points(interval.high)}"
