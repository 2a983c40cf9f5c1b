"""How many test images it takes to tell a difference in accuracy from none."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from pipeline.analysis.hypotheses import ALPHA

POWER = 0.8  # the share of studies that would see a difference which is there


def images_needed(differences: npt.NDArray[np.int8], relevant: float) -> int | None:
    """Images with which a paired comparison finds `relevant` at ALPHA, two-sided, with POWER; normal approximation.

    `differences`: seeds × images, 1 where the first model alone is right, -1 where the second is, else 0.
    `relevant`: a difference of accuracies, a fraction above 0. The images are taken to be like these, the seeds to
    be these. None where no image tells the models apart.

    Source: J. Cohen, "Statistical Power Analysis for the Behavioral Sciences", 1988.
    """
    from statsmodels.stats.power import normal_sample_size_one_tail

    spread = float(differences.mean(axis=0).std(ddof=1))
    if spread == 0:
        return None
    needed: float = normal_sample_size_one_tail(relevant, POWER, ALPHA / 2, spread)
    return math.ceil(needed)
