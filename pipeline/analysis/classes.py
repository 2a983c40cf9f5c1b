"""Recall, precision and F1 of every class on test, with intervals, from confusion matrices."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pipeline.analysis.inputs import Inputs, Training
from pipeline.analysis.proportions import wilson
from pipeline.analysis.results import ClassFigures, Interval
from pipeline.analysis.two_way_bootstrap import percentiles

RESAMPLES = 2_000


def class_figures(inputs: Inputs, level: float, seed: int) -> tuple[ClassFigures, ...]:
    """Of the training that represents each candidate, class by class."""
    return tuple(
        figures
        for name in inputs.names
        for figures in _of_training(inputs.representative(name), inputs.class_names, level, seed)
    )


def f1_scores(confusion: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """F1 = 2·hits / (predicted + support) by class, from … × C × C counts (true class by predicted one).

    A class that is neither in the images nor predicted gets 0.
    """
    hits = np.diagonal(confusion, axis1=-2, axis2=-1)
    both = confusion.sum(axis=-1) + confusion.sum(axis=-2)
    scores: npt.NDArray[np.float64] = 2 * hits / np.maximum(both, 1)
    return scores


def _of_training(
    training: Training, class_names: tuple[str, ...], level: float, seed: int
) -> list[ClassFigures]:
    confusion = training.confusion
    total = int(confusion.sum())
    random = np.random.default_rng(seed)
    draws = random.multinomial(total, confusion.reshape(-1) / total, size=RESAMPLES)
    drawn = f1_scores(draws.reshape(RESAMPLES, *confusion.shape))
    scores = f1_scores(confusion)
    found = []
    for place, class_name in enumerate(class_names):
        hits = int(confusion[place, place])
        support, predicted = int(confusion[place].sum()), int(confusion[:, place].sum())
        f1 = Interval(float(scores[place]), *percentiles(drawn[:, place], level), level, "image-bootstrap")
        found.append(
            ClassFigures(
                id=training.id,
                name=training.name,
                class_name=class_name,
                support=support,
                predicted=predicted,
                recall=wilson(hits, support, level) if support else None,
                precision=wilson(hits, predicted, level) if predicted else None,
                f1=f1 if support + predicted else None,
            )
        )
    return found
