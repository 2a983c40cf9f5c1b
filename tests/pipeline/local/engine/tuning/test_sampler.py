"""What a search proposes: within its ranges, by number and seed alone, learning from what came before."""

from __future__ import annotations

import statistics
import threading
from collections.abc import Sequence
from typing import Any

import pytest

from pipeline.local.engine.tuning.sampler import falls_behind, propose
from pipeline.local.engine.tuning.trial import ObjectiveLog, Trial, TrialEnd
from pipeline.spec.tuning import Search, read_search
from tests.pipeline.local.engine.tuning.searches import arguments, definition_of_trials

RANGES = {
    "IntegerParameterRanges": [
        {"Name": "depth", "MinValue": "1", "MaxValue": "9"},
        {"Name": "width", "MinValue": "1", "MaxValue": "512", "ScalingType": "Logarithmic"},
    ],
    "ContinuousParameterRanges": [
        {"Name": "rate", "MinValue": "0.0001", "MaxValue": "1", "ScalingType": "Logarithmic"},
        {"Name": "share", "MinValue": "0", "MaxValue": "0.5", "ScalingType": "Linear"},
        {"Name": "momentum", "MinValue": "0.9", "MaxValue": "0.9999", "ScalingType": "ReverseLogarithmic"},
    ],
    "CategoricalParameterRanges": [{"Name": "kind", "Values": ["a", "b"]}],
}


def of(strategy: str, trials: int = 30, seed: int = 7, **more: Any) -> Search:
    return read_search(
        arguments(strategy, trials, ranges=more.pop("ranges", RANGES), RandomSeed=seed, **more)
    )


def trial(tuned: dict[str, str], index: int, end: TrialEnd | None, *values: float) -> Trial:
    made = Trial(
        index + 1, f"Tune-{index + 1:03d}", 0, index, tuned, ObjectiveLog(""), threading.Event(), end
    )
    made.log.values.extend(values)
    made.value = values[-1] if values and end == "Completed" else None
    return made


def propose_all(search: Search, count: int, value: Any = lambda tuned: float(tuned["rate"])) -> list[Trial]:
    trials: list[Trial] = []
    for index in range(count):
        tuned = propose(search, 0, trials)
        trials.append(trial(tuned, index, "Completed", value(tuned)))
    return trials


def tuned(trials: Sequence[Trial]) -> list[Any]:
    return [each.tuned for each in trials]


@pytest.mark.parametrize("strategy", ["Random", "Bayesian", "Hyperband"])
def test_every_proposal_is_within_its_ranges(strategy: str) -> None:
    for each in propose_all(of(strategy), 30):
        assert 1 <= int(each.tuned["depth"]) <= 9
        assert 1 <= int(each.tuned["width"]) <= 512
        assert 0.0001 <= float(each.tuned["rate"]) <= 1
        assert 0 <= float(each.tuned["share"]) <= 0.5
        assert 0.9 <= float(each.tuned["momentum"]) <= 0.9999
        assert each.tuned["kind"] in "ab"


def test_scales_spread_proposals_as_they_say() -> None:
    trials = propose_all(of("Random"), 200)
    assert statistics.median(float(each.tuned["rate"]) for each in trials) == pytest.approx(0.01, rel=0.6)
    assert statistics.median(int(each.tuned["width"]) for each in trials) == pytest.approx(23, rel=0.5)
    assert statistics.median(float(each.tuned["share"]) for each in trials) == pytest.approx(0.25, abs=0.05)
    # As much between 0.99 and 0.999 as between 0.9 and 0.99.
    upper = sum(0.99 < float(each.tuned["momentum"]) < 0.999 for each in trials)
    lower = sum(float(each.tuned["momentum"]) < 0.99 for each in trials)
    assert upper == pytest.approx(lower, rel=0.4)


@pytest.mark.parametrize("strategy", ["Random", "Bayesian", "Hyperband"])
def test_a_proposal_follows_from_seed_number_and_results(strategy: str) -> None:
    first, second = (tuned(propose_all(of(strategy), 12)) for _ in range(2))
    assert first == second
    assert tuned(propose_all(of(strategy, seed=8), 12)) != first
    others = tuned(propose_all(of(strategy), 12, value=lambda tuned: -float(tuned["rate"])))
    # Random learns nothing; the others draw at random at first.
    assert (others == first) is (strategy == "Random")
    assert others[:3] == first[:3]


def test_bayesian_search_comes_closer_to_the_best_than_a_random_one() -> None:
    def near(tuned: dict[str, str]) -> float:
        return -abs(float(tuned["share"]) - 0.4) - (tuned["kind"] == "a")

    def late(strategy: str, seed: int) -> float:
        values = [each.value or 0.0 for each in propose_all(of(strategy, 40, seed), 40, near)]
        return statistics.fmean(values[20:])

    gains = [late("Bayesian", seed) - late("Random", seed) for seed in range(3)]
    assert statistics.fmean(gains) > 0.2


def test_trials_that_run_are_known_and_their_progress_is_not() -> None:
    search = of("Bayesian")
    done = propose_all(search, 6)
    runs = [trial(dict(done[0].tuned), 6, None, *values) for values in ((), (0.1, 0.9))]
    alone, further = (propose(search, 0, [*done, each]) for each in runs)
    assert alone == further


def test_a_trial_that_failed_or_told_nan_teaches_nothing() -> None:
    search = of("Bayesian")
    done = propose_all(search, 6)
    failed = trial(dict(done[0].tuned), 6, "Failed")
    nan = trial(dict(done[0].tuned), 6, "Completed", float("nan"))
    assert propose(search, 0, [*done, failed]) == propose(search, 0, [*done, nan])


def test_a_grid_lists_each_combination_once_in_an_order_of_its_seed() -> None:
    grid = {
        "CategoricalParameterRanges": [{"Name": name, "Values": ["1", "2", "3"]} for name in ("rate", "b")]
    }
    orders = []
    for seed in (1, 1, 2):
        found = tuned(propose_all(of("Grid", 9, seed, ranges=grid), 9))
        assert len({(each["rate"], each["b"]) for each in found}) == 9
        orders.append(found)
    assert orders[0] == orders[1] != orders[2]


def hyperband(least: int, most: int) -> Search:
    bounds = {"HyperbandStrategyConfig": {"MinResource": least, "MaxResource": most}}
    return of("Hyperband", StrategyConfig=bounds)


def test_hyperband_keeps_the_best_third_of_a_rung() -> None:
    search = hyperband(3, 8)  # One bracket: a rung after three values.
    others = [trial({}, index, None, *[0.1 * index] * 3) for index in range(6)]
    for value, stays in ((0.9, True), (0.35, False)):
        now = trial({}, 6, None, *[value] * 3)
        assert (falls_behind(search, now, [*others, now]) is None) is stays


def test_hyperband_compares_at_rungs_alone() -> None:
    search = hyperband(3, 8)
    others = [trial({}, index, None, *[0.9] * 3) for index in range(6)]
    for count in (1, 2, 4, 5, 8):
        now = trial({}, 6, None, *[0.1] * count)
        assert falls_behind(search, now, [*others, now]) is None
    now = trial({}, 6, None, *[0.1] * 3)
    assert falls_behind(search, now, [*others, now]) is not None


def test_hyperband_ends_a_trial_past_its_most() -> None:
    search = hyperband(1, 3)
    now = trial({}, 0, None, 0.1, 0.2, 0.3, 0.4)
    assert "after 3 values of accuracy, the most for one trial" in (falls_behind(search, now, [now]) or "")


@pytest.mark.parametrize(("objective", "value", "stays"), [
    ("Maximize", 0.25, True), ("Maximize", 0.15, False), ("Minimize", 0.25, False), ("Minimize", 0.15, True),
])  # fmt: skip
def test_the_median_of_running_averages_is_the_measure(objective: str, value: float, stays: bool) -> None:
    search = of("Random", objective=objective, TrainingJobEarlyStoppingType="Auto")
    # After two values the running averages are 0.1, 0.2 and 0.3; what runs or told less does not count.
    others = [
        trial({}, index, "Completed", average - 0.05, average + 0.05, 0.0)
        for index, average in enumerate((0.1, 0.2, 0.3))
    ]
    others += [
        trial({}, 3, None, 0.9, 0.9),
        trial({}, 4, "Completed", 0.9),
        trial({}, 5, "Stopped", 0.9, 0.9),
    ]
    now = trial({}, 6, None, 0.5, value)
    assert (falls_behind(search, now, [*others, now]) is None) is stays


def test_without_early_stopping_nothing_ends_a_trial() -> None:
    search = of("Random", definition=definition_of_trials())
    others = [trial({}, index, "Completed", 0.9) for index in range(4)]
    now = trial({}, 4, None, 0.1)
    assert falls_behind(search, now, [*others, now]) is None
