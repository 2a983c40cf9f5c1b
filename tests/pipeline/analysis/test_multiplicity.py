"""Holm's correction against a hand-worked example and its definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from pipeline.analysis.multiplicity import holm

P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=12)


def test_the_step_down_worked_by_hand() -> None:
    """4 · 0.005, 3 · 0.01, 2 · 0.03, then 0.04 may not fall below 0.06."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []


@given(P_VALUES)
def test_it_follows_its_definition(p_values: list[float]) -> None:
    ordered = sorted(p_values)
    for p_value, corrected in zip(p_values, holm(p_values), strict=True):
        rank = max(place for place, other in enumerate(ordered) if other == p_value)
        steps = [min(1.0, (len(ordered) - place) * ordered[place]) for place in range(rank + 1)]
        assert corrected == pytest.approx(max(steps))


@given(P_VALUES.flatmap(lambda values: st.tuples(st.just(values), st.permutations(range(len(values))))))
def test_the_order_does_not_matter(drawn: tuple[list[float], list[int]]) -> None:
    p_values, order = drawn
    shuffled, straight = holm([p_values[place] for place in order]), holm(p_values)
    assert shuffled == pytest.approx([straight[place] for place in order])


@pytest.mark.parametrize("seed", range(5))
def test_statsmodels_gives_the_same(seed: int) -> None:
    p_values = np.random.default_rng(seed).random(20).round(2).tolist()
    assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1].tolist())
