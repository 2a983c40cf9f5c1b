"""Calibration figures against hand examples, scikit-learn, formulas and models whose calibration is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.analysis.calibration import (
    BINS,
    calibration_error,
    equal_mass_edges,
    figures,
    fit_temperature,
    reliability_bins,
    with_temperature,
)

Floats = np.ndarray[Any, Any]
WIDTHS = np.linspace(0, 1, BINS + 1)


def softmax(logits: Floats) -> Floats:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def honest(count: int, seed: int, spread: float = 2.0) -> tuple[Floats, Floats]:
    """Logits, and labels drawn with their probabilities: calibrated by construction."""
    random = np.random.default_rng(seed)
    logits = random.normal(0, spread, (count, 10))
    labels = (softmax(logits).cumsum(axis=1) > random.random((count, 1))).argmax(axis=1)
    return logits, labels


def test_the_error_worked_by_hand() -> None:
    """0.5 · |1/2 − 0.60| in one bin and 0.5 · |1 − 0.95| in another."""
    confidence = np.array([0.61, 0.59, 0.95, 0.95])
    correct = np.array([True, False, True, True])
    assert calibration_error(confidence, correct, np.array([0, 0.5, 0.9, 1])) == pytest.approx(0.075)


def test_bins_are_closed_above_and_empty_ones_have_no_figures() -> None:
    bins = reliability_bins(
        np.array([0.5, 0.6, 1.0]), np.array([True, False, True]), np.array([0, 0.5, 0.8, 0.9, 1])
    )
    assert [each.images for each in bins] == [1, 1, 0, 1]
    assert (bins[2].confidence, bins[2].accuracy) == (None, None)
    assert (bins[0].low, bins[0].high, bins[0].confidence, bins[0].accuracy) == (0, 0.5, 0.5, 1)


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.floats(0.2, 5))
def test_scikit_learns_reliability_curve_has_the_same_bins(seed: int, spread: float) -> None:
    from sklearn.calibration import calibration_curve

    logits, labels = honest(200, seed, spread)
    probabilities = softmax(logits)
    confidence, correct = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    accuracies, confidences = calibration_curve(correct, confidence, n_bins=BINS, strategy="uniform")
    bins = [each for each in reliability_bins(confidence, correct, WIDTHS) if each.images]
    assert [each.accuracy for each in bins] == pytest.approx(list(accuracies))
    assert [each.confidence for each in bins] == pytest.approx(list(confidences))
    expected = sum(
        each.images / 200 * abs(accuracy - sure)
        for each, accuracy, sure in zip(bins, accuracies, confidences, strict=True)
    )
    assert calibration_error(confidence, correct, WIDTHS) == pytest.approx(expected)


def test_nll_and_brier_are_their_formulas() -> None:
    logits, labels = honest(500, 1)
    probabilities = softmax(logits)
    found = figures(probabilities, labels)
    truth = np.eye(10)[labels]
    assert found.nll == pytest.approx(-np.log(probabilities[np.arange(500), labels]).mean())
    assert found.brier == pytest.approx(((probabilities - truth) ** 2).sum(axis=1).mean())


def test_a_certain_mistake_costs_a_finite_amount() -> None:
    probabilities = np.array([[1.0, 0.0], [1.0, 0.0]])
    found = figures(probabilities, np.array([0, 1]))
    assert found.nll == pytest.approx(-np.log(1e-7) / 2, rel=1e-3)
    assert found.brier == pytest.approx(1.0)
    assert found.ece_equal_width == found.ece_equal_mass == pytest.approx(0.5)


def test_honest_probabilities_have_little_error_and_boastful_ones_much() -> None:
    logits, labels = honest(20_000, 2)
    found, boastful = figures(softmax(logits), labels), figures(softmax(3 * logits), labels)
    assert max(found.ece_equal_width, found.ece_equal_mass) < 0.015
    assert min(boastful.ece_equal_width, boastful.ece_equal_mass) > 0.1
    assert boastful.nll > found.nll
    assert boastful.brier > found.brier


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_the_temperature_that_was_put_in_is_found(temperature: float) -> None:
    logits, labels = honest(20_000, 3)
    served = softmax(logits * temperature)
    assert fit_temperature(served, labels) == pytest.approx(temperature, rel=0.05)
    np.testing.assert_allclose(with_temperature(served, temperature), softmax(logits), atol=1e-9)


def test_no_other_temperature_on_a_grid_is_better() -> None:
    logits, labels = honest(800, 4)
    served = softmax(2 * logits)
    found = fit_temperature(served, labels)

    def loss(temperature: float) -> float:
        return float(-np.log(with_temperature(served, temperature)[np.arange(800), labels]).mean())

    assert all(loss(found) <= loss(other) + 1e-9 for other in np.geomspace(0.05, 20, 400))


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.floats(0.1, 10))
def test_a_temperature_keeps_the_class_and_one_changes_nothing(seed: int, temperature: float) -> None:
    served = softmax(np.random.default_rng(seed).normal(0, 3, (50, 10)))
    np.testing.assert_allclose(with_temperature(served, 1.0), served, atol=1e-12)
    assert (with_temperature(served, temperature).argmax(axis=1) == served.argmax(axis=1)).all()


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1))
def test_the_order_of_the_images_does_not_matter(seed: int) -> None:
    logits, labels = honest(120, seed)
    probabilities = softmax(logits).round(2) + 1e-3  # many equal confidences
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    order = np.random.default_rng(seed + 1).permutation(120)
    one, other = figures(probabilities, labels), figures(probabilities[order], labels[order])
    for name in ("ece_equal_width", "ece_equal_mass", "nll", "brier"):
        assert getattr(one, name) == pytest.approx(getattr(other, name), abs=1e-12)


def test_bins_of_equal_mass_hold_equally_many_images() -> None:
    confidence = np.random.default_rng(5).random(1_500)
    bins = reliability_bins(confidence, confidence > 0.5, equal_mass_edges(confidence))
    assert [each.images for each in bins] == [100] * BINS
