"""Two models on the same test images: McNemar's exact test, between every two candidates."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import numpy.typing as npt

from pipeline.analysis.inputs import Inputs, Training
from pipeline.analysis.multiplicity import holm
from pipeline.analysis.results import ImageComparison


def mcnemar(first: npt.NDArray[np.bool_], second: npt.NDArray[np.bool_]) -> tuple[int, int, int, int, float]:
    """Both right, only the first right, only the second right, both wrong, and the exact two-sided p-value.

    The arguments say for the same images whether each model is right. The p-value is that of a binomial test with
    probability 1/2 on the images where exactly one is right.
    """
    from statsmodels.stats.contingency_tables import mcnemar as exact_mcnemar

    both = int((first & second).sum())
    first_only, second_only = int((first & ~second).sum()), int((~first & second).sum())
    neither = len(first) - both - first_only - second_only
    if first_only + second_only == 0:
        return both, 0, 0, neither, 1.0  # there is nothing to tell them apart by
    p_value = exact_mcnemar([[both, first_only], [second_only, neither]], exact=True).pvalue
    return both, first_only, second_only, neither, float(p_value)


def image_comparisons(inputs: Inputs) -> tuple[ImageComparison, ...]:
    """Every two candidates, each represented by the training that validation chooses; Holm over all of them."""
    chosen = [inputs.representative(name) for name in inputs.names]
    found = [_compare(first, second) for first, second in combinations(chosen, 2)]
    corrected = holm([each.p_value for each in found])
    return tuple(replace(each, p_holm=p_holm) for each, p_holm in zip(found, corrected, strict=True))


def _compare(first: Training, second: Training) -> ImageComparison:
    both, first_only, second_only, neither, p_value = mcnemar(first.correct["test"], second.correct["test"])
    images = first.images["test"]
    return ImageComparison(
        first=first.name,
        second=second.name,
        first_id=first.id,
        second_id=second.id,
        images=images,
        both_right=both,
        first_only=first_only,
        second_only=second_only,
        both_wrong=neither,
        difference=(first_only - second_only) / images,
        p_value=p_value,
        p_holm=p_value,
    )
