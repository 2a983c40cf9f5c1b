"""McNemar's exact test, in whole numbers: the container has no SciPy.

Source: Q. McNemar, Psychometrika 12, 1947; exact form as in statsmodels' mcnemar(exact=True).
"""

from fractions import Fraction


def exact_p_value(first_only: int, second_only: int) -> float:
    """The two-sided p-value, 0..1, for two models of the same images.

    `first_only` images are right in the first model alone, `second_only` in the second alone. If neither model is
    better, each such image is a fair coin: the p-value is twice the probability of at most the lesser number of
    heads, and at most 1. Without such images it is 1.
    """
    count, least = first_only + second_only, min(first_only, second_only)
    term = tail = 1
    for heads in range(least):
        term = term * (count - heads) // (heads + 1)  # the binomial coefficient of heads + 1
        tail += term
    return float(min(Fraction(1), Fraction(2 * tail, 2**count)))
