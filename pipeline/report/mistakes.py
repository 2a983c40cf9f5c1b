"""Which classes the winner takes for which, its most confident errors, and which labels may be wrong. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.analysis.array_files import UNREADABLE

SURE = 0.9  # from this probability on, a model counts as sure


@dataclass(frozen=True)
class Confusion:
    """`mistaken` of the `images` of class `true` were taken for class `taken`; both are class names."""

    true: str
    taken: str
    mistaken: int
    images: int


@dataclass(frozen=True)
class Mistake:
    """A test image that the winner gets wrong: `true` and `taken` are labels, `probability` is that of `taken`.

    `agreeing` of all `models` take it for the same class; `suspected`: all do, and are sure.
    """

    index: int
    true: int
    taken: int
    probability: float
    agreeing: int
    models: int
    suspected: bool


class TestPredictions:
    """Labels (N) and every training's probabilities (N×C) on test, by id."""

    __test__ = False  # no test case of pytest's

    def __init__(self, labels: npt.NDArray[np.int64], probabilities: Mapping[str, npt.NDArray[Any]]) -> None:
        self.labels = labels
        self.probabilities = probabilities

    def mistakes(self, winner: str) -> list[Mistake]:
        """Every test image that the training `winner` gets wrong, the most confident mistake first."""
        own = self.probabilities[winner]
        predicted = np.stack([each.argmax(axis=1) for each in self.probabilities.values()])
        least = np.min([each.max(axis=1) for each in self.probabilities.values()], axis=0)
        taken = own.argmax(axis=1)
        agreeing = (predicted == taken).sum(axis=0)
        wrong = np.flatnonzero(taken != self.labels)
        ranked = wrong[np.argsort(-own.max(axis=1)[wrong], kind="stable")]
        models = len(self.probabilities)
        return [
            Mistake(
                index=int(index),
                true=int(self.labels[index]),
                taken=int(taken[index]),
                probability=float(own[index].max()),
                agreeing=int(agreeing[index]),
                models=models,
                suspected=bool(models > 1 and agreeing[index] == models and least[index] >= SURE),
            )
            for index in ranked
        ]

    def typical(self, winner: str, label: int, count: int) -> list[int]:
        """The images of class `label` that the training `winner` is right about and surest of."""
        own = self.probabilities[winner]
        hits = np.flatnonzero((self.labels == label) & (own.argmax(axis=1) == label))
        return [int(index) for index in hits[np.argsort(-own[hits, label], kind="stable")[:count]]]


def read_test_predictions(file: Path | None, ids: Sequence[str]) -> TestPredictions | None:
    """What predictions.npz says about the test split; None when it cannot be read, or lacks one of the `ids`."""
    if file is None:
        return None
    try:
        with file.open("rb") as content, np.load(content, allow_pickle=False) as archive:
            labels = archive["labels_test"].astype(np.int64)
            probabilities = {id: archive[f"probabilities_{id}_test"] for id in ids}
    except UNREADABLE:
        return None
    if any(each.ndim != 2 or len(each) != len(labels) for each in probabilities.values()):
        return None
    return TestPredictions(labels, probabilities)


def most_confused(matrix: Sequence[Sequence[int]], class_names: Sequence[str], limit: int) -> list[Confusion]:
    """The most frequent mistakes, at most `limit`; rows of `matrix` are true classes, columns predicted ones."""
    mistakes = [
        Confusion(class_names[true], class_names[taken], cell, sum(row))
        for true, row in enumerate(matrix)
        for taken, cell in enumerate(row)
        if true != taken and cell
    ]
    return sorted(mistakes, key=lambda mistake: -mistake.mistaken)[:limit]
