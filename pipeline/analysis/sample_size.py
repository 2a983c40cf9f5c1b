"""How many test images it takes to tell a difference in accuracy from none."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from pipeline.analysis.hypotheses import ALPHA

POWER = 0.8  # the share of studies that would see a difference which is there


def images_needed(differences: npt.NDArray[np.int8], relevant: float) -> int | None:
    """Images with which as many seeds find `relevant` at ALPHA, two-sided, with POWER; normal approximation.

    `differences`: seeds × images, at least two of each: 1 where the first model alone is right, -1 where the second
    is, else 0. `relevant`: a difference of accuracies, a fraction above 0. Seeds and images are a sample, each
    value the sum of an effect of its seed, one of its image and a rest: the mean's variance is σ²(seed)/S +
    (σ²(image) + σ²(rest)/S)/N, in which N is to be found. None where no image tells the models apart, and where no
    number of images is enough: the seeds differ too much, and there must be more of them.

    Sources: S. R. Searle, "Linear Models", 1971, chapter 9 (variance components); J. Cohen, "Statistical Power
    Analysis for the Behavioral Sciences", 1988.
    """
    from scipy.stats import norm

    seeds, images = differences.shape
    by_seed, by_image = differences.mean(axis=1), differences.mean(axis=0)
    rest = differences - by_seed[:, None] - by_image + differences.mean()
    rest_square = float((rest**2).sum()) / ((seeds - 1) * (images - 1))
    seed_variance = max(0.0, float(by_seed.var(ddof=1)) - rest_square / images)
    image_variance = float(by_image.var(ddof=1))
    standard_errors = float(norm.isf(ALPHA / 2) + norm.isf(1 - POWER))
    allowed: float = (relevant / standard_errors) ** 2 - seed_variance / seeds
    if image_variance == 0 or allowed <= 0:
        return None
    return math.ceil(image_variance / allowed)
