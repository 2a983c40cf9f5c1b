"""The tests of two samples, held to SciPy's and statsmodels' own."""

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from two_sample import chi_square, chi_square_tail, holm, kolmogorov_smirnov


@pytest.mark.parametrize("shift", [0.0, 0.05, 0.2, 1.0])
@pytest.mark.parametrize("count", [50, 500, 5_000])
def test_kolmogorov_smirnov_is_scipys(count: int, shift: float) -> None:
    rng = np.random.default_rng(count)
    first, second = rng.normal(size=5_000), rng.normal(shift, size=count)
    expected = stats.ks_2samp(first, second, method="asymp")
    distance, p_value = kolmogorov_smirnov(first, second)
    assert distance == pytest.approx(expected.statistic)
    assert np.log(p_value + 1e-200) == pytest.approx(np.log(expected.pvalue + 1e-200), rel=0.03, abs=0.05)


def test_samples_of_few_values_that_are_all_equal_do_not_differ() -> None:
    assert kolmogorov_smirnov(np.zeros(100, np.int32), np.zeros(50, np.int32)) == (0.0, 1.0)
    assert kolmogorov_smirnov(np.zeros(100, np.int32), np.ones(50, np.int32))[0] == 1.0


@pytest.mark.parametrize("freedom", range(1, 13))
@pytest.mark.parametrize("statistic", [0.0, 0.3, 4.0, 16.9, 80.0, 2_000.0])
def test_the_tail_of_chi_square_is_scipys(statistic: float, freedom: int) -> None:
    assert chi_square_tail(statistic, freedom) == pytest.approx(stats.chi2.sf(statistic, freedom), rel=1e-9)


def test_chi_square_is_scipys_and_leaves_out_what_neither_has() -> None:
    first, second = np.array([500, 480, 0, 520]), np.array([40, 90, 0, 50])
    moved, p_value = chi_square(first, second)
    assert p_value == pytest.approx(stats.chi2_contingency([[500, 480, 520], [40, 90, 50]], False).pvalue)
    assert moved == pytest.approx(90 / 180 - 480 / 1500)


def test_one_class_alone_has_moved_nothing() -> None:
    assert chi_square(np.array([7, 0]), np.array([3, 0])) == (0.0, 1.0)


def test_holm_is_that_of_statsmodels() -> None:
    p_values = [0.01, 0.04, 0.03, 0.005, 0.9, 0.9]
    assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1].tolist())
    assert holm([]) == []
