"""McNemar's exact test in whole numbers, against a published example, SciPy and statsmodels."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exact_mcnemar import exact_p_value

COUNTS = st.integers(0, 400)


@pytest.mark.parametrize(
    ("first_only", "second_only", "p_value"),
    [
        (0, 0, 1.0),
        (0, 5, 0.0625),  # 2 / 2^5
        (5, 0, 0.0625),
        (1, 5, 0.21875),  # 2 (1 + 6) / 2^6
        (3, 3, 1.0),
        (
            6,
            16,
            0.052478790283203125,
        ),  # R: binom.test(6, 22)$p.value is 0.05248
        (1, 7, 0.0703125),  # Fagerland, Lydersen & Laake 2013, BMC Med Res Methodol 13:91: p = 0.070
    ],
)
def test_known_values(first_only: int, second_only: int, p_value: float) -> None:
    assert exact_p_value(first_only, second_only) == p_value


@given(COUNTS, COUNTS)
def test_it_is_the_binomial_test_of_scipy_and_the_exact_test_of_statsmodels(first: int, second: int) -> None:
    from scipy.stats import binomtest
    from statsmodels.stats.contingency_tables import mcnemar

    found = exact_p_value(first, second)
    if first + second:
        assert found == pytest.approx(binomtest(first, first + second).pvalue, rel=1e-9, abs=1e-300)
        table = [[7, first], [second, 9]]
        assert found == pytest.approx(float(mcnemar(table, exact=True).pvalue), rel=1e-9, abs=1e-300)


@given(COUNTS, COUNTS)
def test_it_does_not_matter_which_model_is_first(first: int, second: int) -> None:
    assert exact_p_value(first, second) == exact_p_value(second, first)
    assert 0 < exact_p_value(first, second) <= 1


def test_ten_thousand_disagreements_take_no_time_and_do_not_underflow_into_an_error() -> None:
    assert exact_p_value(0, 10_000) == 0.0
    assert exact_p_value(4_900, 5_100) == pytest.approx(0.0466, abs=1e-4)
