import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring import score

CLASSES = 4


@st.composite
def answers(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    count = draw(st.integers(1, 40))
    labels = np.array(draw(st.lists(st.integers(0, CLASSES - 1), min_size=count, max_size=count)), np.uint8)
    row = st.lists(st.integers(0, 5), min_size=CLASSES, max_size=CLASSES).filter(any)
    weights = np.array(draw(st.lists(row, min_size=count, max_size=count)), np.float64)
    return labels, (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


def first_best(row: np.ndarray) -> int:
    return max(range(CLASSES), key=lambda label: (row[label], -label))


@given(answers())
def test_scores_agree_with_counting_one_image_after_the_other(answer: tuple[np.ndarray, np.ndarray]) -> None:
    labels, probabilities = answer
    scores = score(labels, probabilities)
    pairs = [(int(true), first_best(row)) for true, row in zip(labels, probabilities, strict=True)]

    assert scores.accuracy == float(Fraction(sum(true == found for true, found in pairs), len(pairs)))
    loss = [-math.log(max(float(row[true]), 1e-7)) for true, row in zip(labels, probabilities, strict=True)]
    assert scores.loss == pytest.approx(sum(loss) / len(loss), rel=1e-9, abs=1e-12)
    for true in range(CLASSES):
        for found in range(CLASSES):
            assert scores.confusion_matrix[true, found] == pairs.count((true, found))
    for label, one in enumerate(scores.per_class):
        hits = pairs.count((label, label))
        claimed = [found for _, found in pairs].count(label)
        support = [true for true, _ in pairs].count(label)
        precision = hits / claimed if claimed else 0
        recall = hits / support if support else 0
        assert (one.precision, one.recall, one.support) == (precision, recall, support)
        f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0
        assert one.f1 == pytest.approx(f1)


def test_a_confident_mistake_costs_a_finite_loss() -> None:
    scores = score(np.array([1], np.uint8), np.array([[1, 0]], np.float32))
    assert scores.loss == pytest.approx(-math.log(1e-7))


def test_the_confusion_matrix_has_true_classes_in_rows() -> None:
    scores = score(np.array([0, 0, 1], np.uint8), np.array([[0, 1], [1, 0], [0, 1]], np.float32))
    assert scores.confusion_matrix.tolist() == [[1, 1], [0, 1]]
    assert scores.to_json(("a", "b")) == {
        "accuracy": 2 / 3,
        "loss": pytest.approx(-math.log(1e-7) / 3),
        "confusion_matrix": [[1, 1], [0, 1]],
        "per_class": [
            {"class_name": "a", "precision": 1.0, "recall": 0.5, "f1": 2 / 3, "support": 2},
            {"class_name": "b", "precision": 0.5, "recall": 1.0, "f1": 2 / 3, "support": 1},
        ],
    }
