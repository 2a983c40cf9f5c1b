from functools import cache

import numpy as np
import numpy.typing as npt
import pytest

from drift_baseline import Baseline, class_counts
from drift_measures import Measures, measure
from drift_verdict import LEAST_IMAGES, Verdict, judge

Sample = tuple[npt.NDArray[np.uint8], npt.NDArray[np.float64]]


def sample(count: int, seed: int, *, weights: npt.NDArray[np.float64] | None = None) -> Sample:
    """Grey images, and the answers of a model that is mostly sure."""
    rng = np.random.default_rng(seed)
    answers = rng.dirichlet(np.full(10, 0.1) if weights is None else weights, count)
    pixels = rng.integers(0, 180, (count, 28, 28)) + rng.integers(0, 70, (count, 1, 1))
    return pixels.astype(np.uint8), answers


@cache
def baseline() -> Baseline:
    of_baseline = sample(5_000, 0)
    return Baseline("cnn", "a", class_counts(of_baseline[1]), measure(*of_baseline))


def judged(pixels: npt.NDArray[np.uint8], answers: npt.NDArray[np.float64]) -> Verdict:
    return judge(baseline(), measure(pixels, answers), class_counts(answers))


def test_more_of_the_same_is_no_drift() -> None:
    found = judged(*sample(500, 1))
    assert (found.verdict, found.drifted) == ("no_drift", ())
    assert found.reason == "No drift: 500 images and the answers to them are like the baseline."
    assert len(found.comparisons) == 14


def test_dark_images_are_told_by_their_pixels_and_not_by_answers_that_are_as_before() -> None:
    pixels, answers = sample(500, 2)
    found = judged(pixels // 2, answers)
    assert found.verdict == "drift"
    assert {one.measure for one in found.drifted} == {"pixel_mean", "pixel_deviation"}
    assert found.reason.startswith("Drift in 500 images, by its effect in: the images' ")


def test_a_class_more_often_is_told_by_the_classes() -> None:
    weights = np.full(10, 0.1)
    weights[8] = 0.35
    found = judged(*sample(500, 3, weights=weights))
    assert found.drifted[0].measure in ("class_shares", "score_8")
    assert "class_shares" in {one.measure for one in found.drifted}
    assert "% Bag, " in found.drifted[0].sentence or "the probability of Bag" in found.drifted[0].sentence


def test_a_difference_that_is_significant_but_small_is_no_drift() -> None:
    weights = np.full(10, 0.1)
    weights[8] = 0.115
    found = judged(*sample(20_000, 4, weights=weights))
    assert found.verdict == "no_drift"
    of_bags = next(one for one in found.comparisons if one.measure == "score_8")
    assert of_bags.p_value < 1e-6
    assert 0.03 < of_bags.effect < 0.1


def test_a_difference_that_is_large_but_may_be_chance_is_no_drift() -> None:
    """Of so few images some measure is always far off; nearly none of these 40 samples is an alarm."""
    verdicts = [judged(*sample(LEAST_IMAGES, seed)) for seed in range(10, 50)]
    assert all(any(one.effect >= 0.1 for one in each.comparisons) for each in verdicts)
    assert sum(each.verdict == "drift" for each in verdicts) <= 6


@pytest.mark.parametrize("count", [0, 1, LEAST_IMAGES - 1])
def test_too_few_images_are_not_judged(count: int) -> None:
    none: Measures = {}
    found = judge(Baseline("cnn", "a", np.ones(10, np.int64), none), none, np.array([count, *[0] * 9]))
    assert (found.verdict, found.comparisons) == ("too_few_images", ())
    assert found.reason == f"Not judged: {count} different images were captured, and it takes 50."
