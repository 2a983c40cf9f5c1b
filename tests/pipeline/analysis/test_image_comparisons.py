"""McNemar's exact test against a published example and the binomial test, and the pairs it is applied to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pipeline.analysis.image_comparisons import image_comparisons, mcnemar
from pipeline.analysis.inputs import read_inputs

HITS = st.integers(1, 60).flatmap(
    lambda count: st.tuples(
        arrays(np.bool_, count, elements=st.booleans()), arrays(np.bool_, count, elements=st.booleans())
    )
)


def table(
    both: int, first: int, second: int, neither: int
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    cells = (
        [(True, True)] * both
        + [(True, False)] * first
        + [(False, True)] * second
        + [(False, False)] * neither
    )
    found = np.array(cells)
    return found[:, 0], found[:, 1]


def test_the_published_example() -> None:
    """Airway hyper-responsiveness, Fagerland, Lydersen & Laake 2013, BMC Med Res Methodol 13:91: p = 0.070."""
    assert mcnemar(*table(1, 1, 7, 12)) == (1, 1, 7, 12, 0.0703125)


@given(HITS)
def test_it_is_the_binomial_test_on_the_images_that_one_model_alone_gets_right(pair: Any) -> None:
    from scipy.stats import binomtest

    both, first, second, neither, p_value = mcnemar(*pair)
    assert both + first + second + neither == len(pair[0])
    expected = binomtest(first, first + second).pvalue if first + second else 1.0
    assert p_value == pytest.approx(expected, rel=1e-9)


@given(HITS)
def test_turning_the_models_round_swaps_the_counts_and_keeps_the_p_value(pair: Any) -> None:
    both, first, second, neither, p_value = mcnemar(*pair)
    assert mcnemar(pair[1], pair[0]) == (both, second, first, neither, p_value)


@given(HITS, st.integers(0, 2**32 - 1))
def test_the_order_of_the_images_does_not_matter(pair: Any, seed: int) -> None:
    order = np.random.default_rng(seed).permutation(len(pair[0]))
    assert mcnemar(pair[0][order], pair[1][order]) == mcnemar(*pair)


def test_the_difference_is_that_of_the_accuracies_of_the_representatives(
    make_run: Callable[..., Any],
) -> None:
    run = make_run()
    inputs = read_inputs(run.evaluation, run.predictions)
    for each in image_comparisons(inputs):
        accuracies = [
            next(one for one in run.evaluation["candidates"] if one["id"] == id)["test_accuracy"]
            for id in (each.first_id, each.second_id)
        ]
        assert each.difference == pytest.approx(accuracies[0] - accuracies[1])
        assert each.p_holm >= each.p_value
