import numpy as np
import pytest
from scipy.special import logit

from drift_measures import MOST_LOGIT, logits_of, measure


def test_the_measures_of_an_image_and_of_its_answer() -> None:
    pixels = np.zeros((2, 28, 28), np.uint8)
    pixels[1, :14] = 200
    answers = np.array([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8]])
    found = measure(pixels, answers)
    assert list(found) == ["pixel_mean", "pixel_deviation", "confidence", "score_0", "score_1", "score_2"]
    assert found["pixel_mean"].tolist() == [0, 100_00]
    assert found["pixel_deviation"].tolist() == [0, 100_00]
    assert found["confidence"] == pytest.approx(100 * logit([0.7, 0.8]), abs=0.5)
    assert found["score_1"] == pytest.approx(100 * logit([0.2, 0.1]), abs=0.5)


def test_what_is_close_to_certain_is_still_told_apart() -> None:
    """1 - p of a float32 has lost it: both rows have a p of 1."""
    sure = np.array([[1.0, 1e-5], [1.0, 1e-6]], np.float32)
    assert logits_of(sure)[:, 0] == pytest.approx([np.log(1e5), np.log(1e6)], abs=1e-6)


@pytest.mark.parametrize("row", [[1.0, 0.0], [1.0, 1e-30], [0.0, 1.0]])
def test_logits_are_finite(row: list[float]) -> None:
    assert np.abs(logits_of(np.array([row]))).max() == MOST_LOGIT


def test_answers_that_differ_by_a_last_bit_measure_alike() -> None:
    rng = np.random.default_rng(0)
    answers = rng.dirichlet(np.full(10, 0.05), 2_000).astype(np.float32)
    other = np.nextafter(answers, np.float32(1))
    pixels = np.zeros((2_000, 28, 28), np.uint8)
    first, second = measure(pixels, answers), measure(pixels, other)
    different = np.mean([np.mean(first[name] != second[name]) for name in first])
    assert different < 0.001
