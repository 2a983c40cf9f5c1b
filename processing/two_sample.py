"""Tests of whether two samples are of one distribution, and Holm's correction for many of them at once. Pure NumPy.

The container's image need not have SciPy; tests compare these with SciPy's and statsmodels' own.
"""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.number]


def kolmogorov_smirnov(first: Numbers, second: Numbers) -> tuple[float, float]:
    """The greatest distance of the two distribution functions (0..1), and its p-value.

    The p-value is Kolmogorov's limit with Stephens' correction for small samples (Numerical Recipes, 3rd edition,
    6.14.12). Equal values make it conservative: too large, never too small.
    """
    values = np.concatenate([first, second])
    values.sort()
    below = [np.searchsorted(np.sort(one), values, side="right") / len(one) for one in (first, second)]
    distance = float(np.abs(below[0] - below[1]).max())
    size = math.sqrt(len(first) * len(second) / (len(first) + len(second)))
    return distance, _kolmogorov((size + 0.12 + 0.11 / size) * distance)


def _kolmogorov(x: float) -> float:
    """The probability that Kolmogorov's statistic exceeds x."""
    if x < 0.3:  # the series would need many terms for a probability of 1 to ten digits
        return 1.0
    terms = ((-1.0) ** (k - 1) * math.exp(-2 * (k * x) ** 2) for k in range(1, 30))
    return min(1.0, max(0.0, 2 * sum(terms)))


def chi_square(first: npt.NDArray[np.int64], second: npt.NDArray[np.int64]) -> tuple[float, float]:
    """How much of one sample would have to change its class to be divided as the other (0..1), and the p-value.

    `first` and `second` count each sample's members by class. The test is Pearson's of homogeneity; classes that
    neither sample has do not count.
    """
    table = np.array([first, second], np.float64)
    table = table[:, table.sum(axis=0) > 0]
    rows = table.sum(axis=1, keepdims=True)
    moved = float(np.abs(np.subtract(*(table / rows))).sum() / 2)
    expected = rows * table.sum(axis=0) / table.sum()
    statistic = float(((table - expected) ** 2 / expected).sum())
    return moved, chi_square_tail(statistic, table.shape[1] - 1)


def chi_square_tail(statistic: float, freedom: int) -> float:
    """The probability that chi-square of `freedom` degrees exceeds `statistic` (Abramowitz and Stegun, 26.4.4)."""
    if freedom < 1 or statistic <= 0:
        return 1.0
    half = statistic / 2
    if freedom % 2:
        tail, term, first = math.erfc(math.sqrt(half)), math.exp(-half) * math.sqrt(half / math.pi) * 2, 3
    else:
        tail, term, first = math.exp(-half), math.exp(-half) * half, 4
    for degree in range(first, freedom + 1, 2):
        tail += term
        term *= statistic / degree
    return min(1.0, tail)


def holm(p_values: Sequence[float]) -> list[float]:
    """The p-values as they count among each other: Holm's step-down correction, in the order given."""
    count, running = len(p_values), 0.0
    adjusted = [0.0] * count
    for rank, position in enumerate(sorted(range(count), key=lambda each: p_values[each])):
        running = max(running, min(1.0, (count - rank) * p_values[position]))
        adjusted[position] = running
    return adjusted
