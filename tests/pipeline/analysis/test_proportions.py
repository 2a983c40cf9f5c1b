"""Wilson's and Newcombe's intervals against the values that R. G. Newcombe published."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.analysis.proportions import newcombe, wilson

COUNTS = st.integers(1, 10_000).flatmap(lambda images: st.tuples(st.integers(0, images), st.just(images)))


@pytest.mark.parametrize(
    ("hits", "images", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_has_the_published_values(hits: int, images: int, low: float, high: float) -> None:
    """Newcombe 1998, Statistics in Medicine 17:857, table I, method 3."""
    found = wilson(hits, images, 0.95)
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)
    assert (found.value, found.level, found.method) == (hits / images, 0.95, "wilson")


@pytest.mark.parametrize(
    ("counts", "low", "high"),
    [
        ((56, 70, 48, 80), 0.0524, 0.3339),
        ((9, 10, 3, 10), 0.1705, 0.8090),
        ((10, 10, 0, 20), 0.6791, 1.0),
        ((10, 10, 0, 10), 0.6075, 1.0),
    ],
)
def test_newcombe_has_the_published_values(
    counts: tuple[int, int, int, int], low: float, high: float
) -> None:
    """Newcombe 1998, Statistics in Medicine 17:873, table II, method 10."""
    found = newcombe(*counts, 0.95)
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)


@given(COUNTS)
def test_wilson_is_the_set_of_proportions_that_a_score_test_keeps(counts: tuple[int, int]) -> None:
    """An independent way to it: at either end the score statistic is 1.96 standard errors."""
    hits, images = counts
    found = wilson(hits, images, 0.95)
    assert 0 <= found.low <= found.value <= found.high <= 1
    for end in (found.low, found.high):
        if 0 < end < 1:
            score = (found.value - end) / (end * (1 - end) / images) ** 0.5
            assert abs(score) == pytest.approx(1.959964, abs=1e-4)


@given(COUNTS, COUNTS)
def test_newcombe_changes_its_sign_with_the_order(first: tuple[int, int], second: tuple[int, int]) -> None:
    one, other = newcombe(*first, *second, 0.95), newcombe(*second, *first, 0.95)
    assert (one.low, one.high) == pytest.approx((-other.high, -other.low), abs=1e-12)
    assert one.low <= one.value <= one.high


@given(COUNTS)
def test_errors_have_the_mirrored_interval(counts: tuple[int, int]) -> None:
    hits, images = counts
    right, wrong = wilson(hits, images, 0.95), wilson(images - hits, images, 0.95)
    assert (right.low, right.high) == pytest.approx((1 - wrong.high, 1 - wrong.low), abs=1e-9)
