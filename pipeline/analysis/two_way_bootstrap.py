"""The two-way bootstrap: both the seeds and the images are a sample, and both are drawn anew.

Source: A. B. Owen, "The pigeonhole bootstrap", Annals of Applied Statistics 1(2), 2007: rows and columns of a table
are resampled independently, with replacement. Its variance errs to the large side for images; with few seeds the
percentile interval is too short (docs/hypotheses.md), which is why no claim rests on it alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

RESAMPLES = 10_000


def resample(
    parts: Sequence[npt.NDArray[np.int8]], seed: int, resamples: int = RESAMPLES
) -> npt.NDArray[np.float64]:
    """Means of the summed `parts` under `resamples` draws of seeds and of each part's images; float64, `resamples`.

    Each part is a table of seeds × images; all have the same seeds, each has images of its own, drawn
    independently. A draw's value is the sum over parts of Σ_s Σ_i w_s v_i x_si / (S N), where w and v count how
    often a seed and an image are drawn. Images with equal columns are interchangeable, so that drawing N images is
    drawing the multinomial counts of the distinct columns: the same distribution, in a fraction of the time.
    """
    random = np.random.default_rng(seed)
    seeds = len(parts[0])
    weights = random.multinomial(seeds, np.full(seeds, 1 / seeds), size=resamples)
    total = np.zeros(resamples)
    for part in parts:
        images = part.shape[1]
        columns, counts = np.unique(part, axis=1, return_counts=True)
        drawn = random.multinomial(images, counts / images, size=resamples)
        total += (weights * (drawn @ columns.T)).sum(axis=1) / (seeds * images)
    return total


def percentiles(draws: npt.NDArray[np.float64], level: float) -> tuple[float, float]:
    """The percentile interval of `draws` at `level`."""
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
