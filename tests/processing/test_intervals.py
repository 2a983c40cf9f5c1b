import pytest
from statsmodels.stats.proportion import proportion_confint

from intervals import wilson_interval


@pytest.mark.parametrize(("hits", "count"), [(9400, 10_000), (0, 10), (10, 10), (1, 1), (500, 1000)])
def test_the_interval_is_that_of_statsmodels(hits: int, count: int) -> None:
    assert wilson_interval(hits, count) == pytest.approx(proportion_confint(hits, count, method="wilson"))


def test_more_confidence_takes_more_room() -> None:
    low, high = wilson_interval(94, 100, 0.99)
    assert low < wilson_interval(94, 100)[0]
    assert high > wilson_interval(94, 100)[1]
