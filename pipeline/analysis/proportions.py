"""Intervals for proportions: accuracies, recalls, precisions, and differences between independent ones."""

from __future__ import annotations

from pipeline.analysis.case_study import SPLITS, Split
from pipeline.analysis.inputs import Inputs, Training
from pipeline.analysis.results import Accuracy, Gap, Interval

GAPS: tuple[tuple[Split, Split], ...] = (("train", "validation"), ("validation", "test"))


def wilson(hits: int, images: int, level: float) -> Interval:
    """The Wilson score interval of `hits` of `images` (at least one)."""
    from statsmodels.stats.proportion import proportion_confint

    low, high = proportion_confint(hits, images, alpha=1 - level, method="wilson")
    return _interval(hits / images, float(low), float(high), level, "wilson")


def newcombe(hits: int, images: int, other_hits: int, other_images: int, level: float) -> Interval:
    """hits/images − other_hits/other_images, of independent images, with Newcombe's hybrid score interval."""
    from statsmodels.stats.proportion import confint_proportions_2indep

    low, high = confint_proportions_2indep(
        hits, images, other_hits, other_images, method="newcomb", compare="diff", alpha=1 - level
    )
    return _interval(hits / images - other_hits / other_images, float(low), float(high), level, "newcombe")


def accuracies(inputs: Inputs, level: float) -> tuple[Accuracy, ...]:
    """Every training's accuracy on every split."""
    return tuple(
        Accuracy(
            each.id,
            each.name,
            each.seed,
            split,
            each.hits[split],
            each.images[split],
            wilson(each.hits[split], each.images[split], level),
        )
        for each in inputs.trainings
        for split in SPLITS
    )


def gaps(inputs: Inputs, level: float) -> tuple[Gap, ...]:
    """Every training's gaps, training − validation and validation − test."""
    return tuple(
        Gap(each.id, each.name, each.seed, first, second, _gap(each, first, second, level))
        for each in inputs.trainings
        for first, second in GAPS
    )


def _interval(value: float, low: float, high: float, level: float, method: str) -> Interval:
    # At 0 and 1 the ends are the value itself but for rounding.
    return Interval(value, min(low, value), max(high, value), level, method)


def _gap(training: Training, first: Split, second: Split, level: float) -> Interval:
    return newcombe(
        training.hits[first], training.images[first], training.hits[second], training.images[second], level
    )
