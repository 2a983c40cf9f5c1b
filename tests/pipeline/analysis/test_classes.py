"""Per-class figures against scikit-learn, and the interval of F1 against drawing image by image."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pipeline.analysis.classes import class_figures, f1_scores
from pipeline.analysis.inputs import read_inputs

Make = Callable[..., Any]


def test_scikit_learn_computes_the_same_scores_from_the_predictions(make_run: Make) -> None:
    from sklearn.metrics import precision_recall_fscore_support

    run = make_run()
    inputs = read_inputs(run.evaluation, run.predictions)
    found = class_figures(inputs, 0.95, 0)
    for name in inputs.names:
        training = inputs.representative(name)
        predicted = training.probabilities["test"].argmax(axis=1)
        expected = precision_recall_fscore_support(inputs.labels["test"], predicted)
        rows = [each for each in found if each.name == name]
        assert [each.class_name for each in rows] == list(inputs.class_names)
        assert all(each.id == training.id for each in rows)
        for place, each in enumerate(rows):
            assert each.precision is not None
            assert each.recall is not None
            assert each.f1 is not None
            values = (each.precision.value, each.recall.value, each.f1.value, each.support)
            assert values == pytest.approx(tuple(row[place] for row in expected))
            assert each.f1.low <= each.f1.value <= each.f1.high


def test_the_interval_of_f1_is_that_of_drawing_image_by_image(make_run: Make) -> None:
    run = make_run(seeds=1, skills={"cnn-3x3": 2.0})
    inputs = read_inputs(run.evaluation, run.predictions)
    truth, predicted = inputs.labels["test"], inputs.trainings[0].probabilities["test"].argmax(axis=1)
    random, drawn = np.random.default_rng(1), []
    for _ in range(2_000):
        rows = random.integers(0, len(truth), len(truth))
        confusion = np.zeros((4, 4), np.int64)
        np.add.at(confusion, (truth[rows], predicted[rows]), 1)
        drawn.append(f1_scores(confusion))
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    for place, each in enumerate(class_figures(inputs, 0.95, 0)):
        assert each.f1 is not None
        assert (each.f1.low, each.f1.high) == pytest.approx((low[place], high[place]), abs=0.01)


def test_a_class_that_is_never_predicted_has_no_precision(make_run: Make) -> None:
    run = make_run(seeds=1, skills={"cnn-3x3": 2.0})
    run.evaluation["candidates"][0]["test"]["confusion_matrix"] = [
        [5, 0, 0, 0], [5, 0, 0, 0], [0, 0, 7, 0], [0, 0, 0, 0],
    ]  # fmt: skip
    never, absent = (class_figures(read_inputs(run.evaluation, None), 0.95, 0)[place] for place in (1, 3))
    assert never.precision is None
    assert never.recall is not None
    assert (never.recall.value, never.f1.value) == (0, 0)  # type: ignore[union-attr]
    assert (absent.precision, absent.recall, absent.f1) == (None, None, None)
