"""Whether captured images and answers are still like the baseline: the rule, declared here and nowhere else.

A measure has drifted when its difference is unlikely to be chance (p < LEVEL after Holm's correction for all
measures together) and large (at least LEAST_EFFECT). Either alone is no alarm: with many images any difference is
significant, and with one fixed baseline the tests alone keep no level, since the baseline has chance in it, too.
"""

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from drift_baseline import Baseline
from drift_measures import CONFIDENCE, HUNDREDTHS, PIXELS, Measures
from fashion_classes import CLASS_NAMES
from two_sample import chi_square, holm, kolmogorov_smirnov

LEVEL = 0.05  # false alarms, of all measures together, at most
LEAST_EFFECT = 0.1  # of the images: the distance of two distributions, or the share that changed its class
LEAST_IMAGES = 50  # fewer are not judged: chi-square wants five of each class

CLASSES = "class_shares"
NAMED = 3  # measures in the reason
DRIFT, NO_DRIFT, TOO_FEW = "drift", "no_drift", "too_few_images"


@dataclass(frozen=True)
class Comparison:
    """One measure, compared. `effect` is 0..1, `p_value` after Holm's correction; the texts say what was found."""

    measure: str
    test: str
    effect: float
    p_value: float
    drifted: bool
    baseline: str
    captured: str

    @property
    def sentence(self) -> str:
        """For people."""
        return (
            f"{title_of(self.measure)}: {self.captured}, {self.baseline} in the baseline "
            f"(effect {self.effect:.2f}, {self.test}, p = {self.p_value:.2g})."
        )


@dataclass(frozen=True)
class Verdict:
    """`verdict` is "drift", "no_drift" or "too_few_images"; `images` were judged."""

    verdict: str
    images: int
    comparisons: tuple[Comparison, ...]

    @property
    def drifted(self) -> tuple[Comparison, ...]:
        """What has drifted, the greatest effect first."""
        return tuple(sorted((one for one in self.comparisons if one.drifted), key=lambda one: -one.effect))

    @property
    def reason(self) -> str:
        """A sentence or a few for people."""
        if self.verdict == TOO_FEW:
            return f"Not judged: {self.images} different images were captured, and it takes {LEAST_IMAGES}."
        if self.verdict == NO_DRIFT:
            return f"No drift: {self.images} images and the answers to them are like the baseline."
        first = ", ".join(f"{title_of(one.measure)} ({one.effect:.2f})" for one in self.drifted[:NAMED])
        more = f" and {len(self.drifted) - NAMED} more" if len(self.drifted) > NAMED else ""
        return f"Drift in {self.images} images, by its effect in: {first}{more}."

    def to_json(self) -> dict[str, Any]:
        """As drift.json holds it."""
        return {
            "verdict": self.verdict,
            "reason": self.reason,
            "images": self.images,
            "level": LEVEL,
            "least_effect": LEAST_EFFECT,
            "least_images": LEAST_IMAGES,
            "comparisons": [{"title": title_of(one.measure), **asdict(one)} for one in self.comparisons],
        }


def judge(baseline: Baseline, measures: Measures, class_counts: npt.NDArray[np.int64]) -> Verdict:
    """Compare the measures of captured images, and how many of them got each class, with the baseline."""
    images = int(class_counts.sum())
    if images < LEAST_IMAGES:
        return Verdict(TOO_FEW, images, ())
    found = [(CLASSES, "chi-square", *chi_square(baseline.class_counts, class_counts))]
    found += [
        (name, "Kolmogorov-Smirnov", *kolmogorov_smirnov(values, measures[name]))
        for name, values in baseline.measures.items()
    ]
    adjusted = holm([p_value for *_, p_value in found])
    comparisons = tuple(
        Comparison(
            name,
            test,
            round(effect, 4),
            p_value,
            bool(p_value < LEVEL and effect >= LEAST_EFFECT),
            *(
                _classes(counts) if name == CLASSES else _median(name, values[name])
                for counts, values in (
                    (baseline.class_counts, baseline.measures),
                    (class_counts, measures),
                )
            ),
        )
        for (name, test, effect, _), p_value in zip(found, adjusted, strict=True)
    )
    return Verdict(DRIFT if any(one.drifted for one in comparisons) else NO_DRIFT, images, comparisons)


def title_of(measure: str) -> str:
    """What a measure is called for people."""
    titles = {
        CLASSES: "the classes of the answers",
        PIXELS[0]: "the images' brightness",
        PIXELS[1]: "the images' contrast",
        CONFIDENCE: "the highest probability",
    }
    return titles.get(measure) or f"the probability of {CLASS_NAMES[int(measure.removeprefix('score_'))]}"


def _median(measure: str, values: npt.NDArray[np.int32]) -> str:
    median = float(np.median(values)) / HUNDREDTHS
    return f"median {median:.0f} of 255" if measure in PIXELS else f"median {1 / (1 + math.exp(-median)):.2%}"


def _classes(counts: npt.NDArray[np.int64]) -> str:
    first = int(counts.argmax())
    return f"{counts[first] / counts.sum():.0%} {CLASS_NAMES[first]}"
