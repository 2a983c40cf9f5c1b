"""Scores of a classifier from its probabilities: accuracy, loss, confusion matrix, per-class scores. Pure NumPy."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

LEAST_PROBABILITY = 1e-7  # the bound of Keras' cross-entropy: a confident mistake costs at most 16.1


@dataclass(frozen=True)
class ClassScores:
    """Scores of one class, 0..1; `support` is how many images have it. A ratio over nothing counts as 0."""

    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True)
class Scores:
    """Accuracy 0..1, mean cross-entropy in nats, confusion matrix (int64, true class by predicted class)."""

    accuracy: float
    loss: float
    confusion_matrix: npt.NDArray[np.int64]
    per_class: tuple[ClassScores, ...]

    def to_json(self, class_names: tuple[str, ...]) -> dict[str, Any]:
        """As evaluation.json holds it."""
        return {
            "accuracy": self.accuracy,
            "loss": self.loss,
            "confusion_matrix": self.confusion_matrix.tolist(),
            "per_class": [
                {"class_name": name, "precision": one.precision, "recall": one.recall, "f1": one.f1}
                | {"support": one.support}
                for name, one in zip(class_names, self.per_class, strict=True)
            ],
        }


def score(labels: npt.NDArray[np.uint8], probabilities: npt.NDArray[np.float32]) -> Scores:
    """Score `probabilities` (N×C, rows sum to 1) against `labels` (N, each 0..C-1); N ≥ 1.

    The predicted class is the most probable one, the first of equals.
    """
    count, classes = probabilities.shape
    true = labels.astype(np.int64)
    predicted = probabilities.argmax(axis=1)
    confusion = np.bincount(true * classes + predicted, minlength=classes * classes).reshape(classes, classes)
    of_truth = probabilities[np.arange(count), true].astype(np.float64)
    return Scores(
        accuracy=int(np.trace(confusion)) / count,
        loss=float(-np.log(np.maximum(of_truth, LEAST_PROBABILITY)).mean()),
        confusion_matrix=confusion,
        per_class=per_class_scores(confusion),
    )


def per_class_scores(confusion: npt.NDArray[np.int64]) -> tuple[ClassScores, ...]:
    """Precision, recall, F1 and support of every class from a confusion matrix (true class by predicted class)."""
    scores = []
    for label in range(len(confusion)):
        hits = int(confusion[label, label])
        predicted = int(confusion[:, label].sum())
        support = int(confusion[label].sum())
        scores.append(
            ClassScores(
                precision=hits / predicted if predicted else 0.0,
                recall=hits / support if support else 0.0,
                f1=2 * hits / (predicted + support) if predicted + support else 0.0,
                support=support,
            )
        )
    return tuple(scores)
