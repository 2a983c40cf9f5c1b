"""Correction of p-values for the number of comparisons that they are picked from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down adjusted p-values, in the order given. They control the family-wise error rate.

    S. Holm, Scandinavian Journal of Statistics 6, 1979. Not statsmodels' multipletests, which gives the same: for
    this method it looks through all objects of the process for garbage, 0.08 s at each call.
    """
    ordered = np.argsort(p_values, kind="stable")
    steps = np.arange(len(p_values), 0, -1) * np.asarray(p_values, float)[ordered]
    adjusted = np.empty(len(p_values))
    adjusted[ordered] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return [float(value) for value in adjusted]
