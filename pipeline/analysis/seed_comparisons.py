"""Two candidates over seeds: the paired difference with its t-interval, and the two-way bootstrap's interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Literal

import numpy as np
import numpy.typing as npt

from pipeline.analysis.case_study import SPLIT_NAMES, Split
from pipeline.analysis.hypotheses import ALPHA, Comparison, Family, declared
from pipeline.analysis.inputs import Inputs, Training
from pipeline.analysis.multiplicity import holm
from pipeline.analysis.results import Interval, Measure, SeedComparison
from pipeline.analysis.sample_size import images_needed
from pipeline.analysis.two_way_bootstrap import percentiles, resample

# A measure is a signed sum of accuracies.
TERMS: Mapping[Measure, tuple[tuple[Split, Literal[1, -1]], ...]] = {
    "test_accuracy": (("test", 1),),
    "train_validation_gap": (("train", 1), ("validation", -1)),
    "validation_test_gap": (("validation", 1), ("test", -1)),
}

FAMILIES: tuple[Family, ...] = ("primary", "secondary")


def seed_comparisons(inputs: Inputs, level: float, seed: int) -> tuple[SeedComparison, ...]:
    """The declared comparisons, then the test accuracies of all other pairs of candidates, as exploration.

    p-values are corrected within a family over all its declared comparisons: one that was not run counts as p = 1.
    """
    found: list[SeedComparison] = []
    for family in FAMILIES:
        family_level = 1 - ALPHA / len(declared(family))
        ran = [each for each in declared(family) if _pairs(inputs, each.first, each.second)]
        compared = [compare(inputs, each, level, family_level, seed) for each in ran]
        found += _corrected(compared, len(declared(family)))
    seen = {frozenset((each.first, each.second)) for each in found if each.measure == "test_accuracy"}
    for first, second in combinations(inputs.names, 2):
        if frozenset((first, second)) not in seen and _pairs(inputs, first, second):
            other = Comparison("", first, second, "test_accuracy", 0.0, "secondary", "")
            explored = compare(inputs, other, level, level, seed)
            found.append(replace(explored, family=None, simultaneous_t=None, simultaneous_bootstrap=None))
    return tuple(found)


def _corrected(compared: list[SeedComparison], declared_count: int) -> list[SeedComparison]:
    known = [1.0 if each.p_value is None else each.p_value for each in compared]
    corrected = holm([*known, *[1.0] * (declared_count - len(known))])
    return [
        replace(each, p_holm=None if each.p_value is None else p_holm)
        for each, p_holm in zip(compared, corrected, strict=False)
    ]


def compare(
    inputs: Inputs, comparison: Comparison, level: float, family_level: float, seed: int
) -> SeedComparison:
    """`first` minus `second` over the seeds that both have, at least one; `p_holm` is left to the caller."""
    pairs = _pairs(inputs, comparison.first, comparison.second)
    terms = TERMS[comparison.measure]
    differences = [
        sum(sign * (first.accuracy(split) - second.accuracy(split)) for split, sign in terms)
        for first, second in pairs
    ]
    p_value, t_intervals, note = _over_seeds(differences, (level, family_level))
    draws = needed = None
    if len(pairs) > 1:
        parts, missing = _parts(comparison, pairs)
        note = " ".join(part for part in (note, missing) if part)
        if parts is not None:
            # Always the same way round inside, so that turning a comparison round turns its interval round exactly.
            flip = 1 if comparison.first <= comparison.second else -1
            draws = flip * resample([np.int8(flip) * part for part in parts], seed)
            if comparison.measure == "test_accuracy" and comparison.relevant:
                needed = images_needed(parts[0], comparison.relevant)
    bootstraps = [
        None if draws is None else _bootstrap(differences, draws, each) for each in (level, family_level)
    ]
    return SeedComparison(
        first=comparison.first,
        second=comparison.second,
        measure=comparison.measure,
        family=comparison.family,
        seeds=tuple(first.seed for first, _ in pairs),
        differences=tuple(differences),
        mean=float(np.mean(differences)),
        p_value=p_value,
        p_holm=None,
        t_interval=t_intervals[0],
        bootstrap=bootstraps[0],
        simultaneous_t=t_intervals[1],
        simultaneous_bootstrap=bootstraps[1],
        note=note,
        images_needed=needed,
    )


def t_interval(values: Sequence[float], level: float) -> Interval | None:
    """The mean of `values` with Student's t-interval; None for fewer than two values, or when all are equal."""
    from scipy.stats import ttest_1samp

    if len(values) < 2 or np.ptp(values) < 1e-12:
        return None
    low, high = ttest_1samp(values, 0.0).confidence_interval(level)
    return Interval(float(np.mean(values)), float(low), float(high), level, "t")


def _pairs(inputs: Inputs, first: str, second: str) -> list[tuple[Training, Training]]:
    others = {each.seed: each for each in inputs.of(second)}
    return [(each, others[each.seed]) for each in inputs.of(first) if each.seed in others]


def _over_seeds(
    differences: Sequence[float], levels: tuple[float, float]
) -> tuple[float | None, tuple[Interval | None, Interval | None], str]:
    from scipy.stats import ttest_1samp

    if len(differences) < 2:
        return None, (None, None), "One seed has no spread: no test and no interval over seeds."
    intervals = (t_interval(differences, levels[0]), t_interval(differences, levels[1]))
    if intervals[0] is None:
        return (
            None,
            (None, None),
            "The difference is the same under every seed: there is no spread to test by.",
        )
    return float(ttest_1samp(differences, 0.0).pvalue), intervals, ""


def _parts(
    comparison: Comparison, pairs: list[tuple[Training, Training]]
) -> tuple[list[npt.NDArray[np.int8]] | None, str]:
    """Which images the first alone gets right (1, or -1) and the second alone, seeds × images, for each split."""
    parts = []
    for split, sign in TERMS[comparison.measure]:
        if any(split not in each.correct for pair in pairs for each in pair):
            return None, _unknown(split)
        rows = [
            np.int8(sign) * (first.correct[split].astype(np.int8) - second.correct[split].astype(np.int8))
            for first, second in pairs
        ]
        parts.append(np.stack(rows))
    return parts, ""


def _unknown(split: Split) -> str:
    return f"Which {SPLIT_NAMES[split]} images each model got right is not known: no interval over images."


def _bootstrap(differences: Sequence[float], draws: npt.NDArray[np.float64], level: float) -> Interval:
    low, high = percentiles(draws, level)
    return Interval(float(np.mean(differences)), low, high, level, "two-way-bootstrap")
