from __future__ import annotations

import math

import pytest

from pipeline.errors import UsageError
from pipeline.targets.aws.cost import LIMIT_USD, Ceiling, ceiling, confirm, cost_limit, dollars, say_cost
from pipeline.targets.aws.plan import Job
from pipeline.targets.aws.prices import Prices
from tests.pipeline.targets.aws.cloud.account import product
from tests.pipeline.targets.aws.stubbed import Stubbed

JOBS = (
    Job("NormalizeData", "Processing", "ml.m5.xlarge", 1, 1800),
    Job("Train-a-0", "Training", "ml.g5.xlarge", 2, 3600),
    Job("Train-b-0", "Training", "ml.g5.xlarge", 2, 3600),
    Job("Evaluate", "Processing", "ml.m5.xlarge", 1, 1800),
)


@pytest.fixture
def known(stubbed: Stubbed) -> Ceiling:
    for name, kind, usd in (("ml.m5.xlarge", "Processing", 0.5), ("ml.g5.xlarge", "Training", 2.0)):
        stubbed.on("pricing", "get_products", {"PriceList": [product(name, kind, usd)]})
    return ceiling(JOBS, Prices(stubbed.account()))


def test_the_ceiling_is_price_times_longest_run_times_jobs(known: Ceiling) -> None:
    assert known.usd == pytest.approx(2 * 0.5 * 0.5 + 2 * 2 * 2.0)
    said: list[str] = []
    say_cost(known, said.append)
    assert said == [
        "  2 processing jobs of at most 30 min 00 s on ml.m5.xlarge at 0.5 USD/h: 0.50 USD",
        "  2 training jobs of at most 1 h 00 min on 2 × ml.g5.xlarge at 2 USD/h: 8.00 USD",
        "Costs at most 8.50 USD, by AWS's price list; less where steps are reused or end early.",
    ]


def test_a_warm_pool_is_paid_for_after_the_job(stubbed: Stubbed) -> None:
    stubbed.on("pricing", "get_products", {"PriceList": [product("ml.g5.xlarge", "Training", 2.0)]})
    job = Job("Train-a-0", "Training", "ml.g5.xlarge", 1, 3600, kept_seconds=1800)
    assert ceiling([job], Prices(stubbed.account())).usd == pytest.approx(3.0)


def test_prices_of_the_table_are_called_a_guess(stubbed: Stubbed) -> None:
    stubbed.fails("pricing", "get_products", "AccessDeniedException")
    said: list[str] = []
    say_cost(ceiling(JOBS[:1], Prices(stubbed.account())), said.append)
    assert "a table of 2024 for us-east-1: a guess" in said[-1]


@pytest.fixture
def unknown(stubbed: Stubbed) -> Ceiling:
    stubbed.on("pricing", "get_products", {"PriceList": []})
    return ceiling([Job("x", "Training", "ml.z9.huge", 1, 60)], Prices(stubbed.account()))


def test_what_is_not_known_has_no_ceiling(unknown: Ceiling) -> None:
    assert math.isinf(unknown.usd)
    said: list[str] = []
    say_cost(unknown, said.append)
    assert "price unknown" in said[0]
    assert "not known" in said[1]


def test_a_run_without_jobs_costs_nothing(stubbed: Stubbed) -> None:
    said: list[str] = []
    say_cost(ceiling([], Prices(stubbed.account())), said.append)
    assert said == ["Runs no jobs, and so costs nothing."]


def test_money_is_never_shown_as_nothing() -> None:
    assert [dollars(usd) for usd in (0.0, 0.001, 0.005, 1234.5)] == [
        "0.00 USD",
        "less than 0.01 USD",
        "0.01 USD",
        "1,234.50 USD",
    ]


def test_within_the_limit_nobody_is_asked(known: Ceiling) -> None:
    confirm(known, 8.5, certain=False, ask=None)


class Somebody:
    """Gives one answer to every question."""

    def __init__(self, answer: str) -> None:
        self.answer = answer
        self.asked: list[str] = []

    def __call__(self, question: str) -> str:
        self.asked.append(question)
        return self.answer


def test_above_the_limit_somebody_has_to_agree(known: Ceiling, unknown: Ceiling) -> None:
    willing = Somebody("y\n")
    confirm(known, 8.0, certain=False, ask=willing)
    confirm(unknown, 1e9, certain=False, ask=willing)
    assert willing.asked == [
        "This may cost up to 8.50 USD. Start it? [y/N] ",
        "This may cost an unknown amount. Start it? [y/N] ",
    ]
    for answer in ("", "\n", "n\n"):
        with pytest.raises(UsageError, match="Nothing was started"):
            confirm(known, 8.0, certain=False, ask=Somebody(answer))


def test_with_nobody_there_it_is_refused_with_the_flag_that_agrees(known: Ceiling) -> None:
    with pytest.raises(UsageError, match="--yes") as raised:
        confirm(known, 8.0, certain=False, ask=None)
    assert raised.value.exit_status == 2
    confirm(known, 8.0, certain=True, ask=None)


def test_the_limit_comes_from_flag_environment_or_default() -> None:
    assert cost_limit(3.0, {"FASHION_MAX_COST": "5"}) == 3.0
    assert cost_limit(None, {"FASHION_MAX_COST": "5"}) == 5.0
    assert cost_limit(None, {}) == LIMIT_USD
    for given, environ in ((-1.0, {}), (math.nan, {}), (None, {"FASHION_MAX_COST": "much"})):
        with pytest.raises(UsageError, match="must be a number of USD"):
            cost_limit(given, environ)


def test_a_search_costs_what_its_trials_do(stubbed: Stubbed) -> None:
    stubbed.on("pricing", "get_products", {"PriceList": [product("ml.g5.xlarge", "Training", 2.0)]})
    search = Job("Tune-a", "Training", "ml.g5.xlarge", 1, 3600, count=12, at_once=2)
    assert ceiling([search], Prices(stubbed.account())).usd == pytest.approx(24.0)
