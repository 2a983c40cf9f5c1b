"""Confidence intervals of shares, for the model card. The report's statistics are pipeline/analysis's."""

from math import sqrt
from statistics import NormalDist

CONFIDENCE = 0.95


def wilson_interval(hits: int, count: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Wilson's score interval of the share `hits`/`count` (0 ≤ hits ≤ count, count ≥ 1), as two fractions.

    Source: E. B. Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", JASA 22 (1927).
    """
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share = hits / count
    scale = 1 + z * z / count
    centre = (share + z * z / (2 * count)) / scale
    half = z / scale * sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return max(0.0, centre - half), min(1.0, centre + half)
