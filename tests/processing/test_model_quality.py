import numpy as np
import pytest

from model_quality import multiclass_metrics


def test_the_schema_of_the_registry_is_filled() -> None:
    metrics = multiclass_metrics(np.array([[80, 20], [30, 70]]), ("a", "b"))
    assert metrics["confusion_matrix"] == {"a": {"a": 80, "b": 20}, "b": {"a": 30, "b": 70}}
    assert metrics["accuracy"]["value"] == 0.75
    assert metrics["weighted_recall"]["value"] == pytest.approx(0.75)
    assert metrics["weighted_precision"]["value"] == pytest.approx((80 / 110 + 70 / 90) / 2)
    assert metrics["weighted_f1"]["value"] == pytest.approx((160 / 210 + 140 / 190) / 2)


def test_the_deviation_of_the_accuracy_is_that_of_a_binomial_share() -> None:
    metrics = multiclass_metrics(np.array([[800, 200], [300, 700]]), ("a", "b"))
    expected = np.sqrt(0.75 * 0.25 / 2000)
    for name in ("accuracy", "weighted_precision", "weighted_recall", "weighted_f1"):
        assert metrics[name]["standard_deviation"] == pytest.approx(expected, rel=0.2)


def test_the_same_matrix_gives_the_same_numbers() -> None:
    matrix = np.array([[8, 2], [3, 7]])
    assert multiclass_metrics(matrix, ("a", "b")) == multiclass_metrics(matrix, ("a", "b"))
