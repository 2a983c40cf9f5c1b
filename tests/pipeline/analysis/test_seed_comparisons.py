"""Differences over seeds: Student's own data, the pairing, the two directions, Holm over what was declared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.analysis.hypotheses import Comparison, declared
from pipeline.analysis.inputs import Inputs, read_inputs
from pipeline.analysis.seed_comparisons import compare, seed_comparisons, t_interval

Make = Callable[..., Any]

# Hours of sleep gained, the paired differences of two drugs: Student, "The probable error of a mean", 1908.
SLEEP = (1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4)


def accuracy_of(first: str, second: str) -> Comparison:
    return Comparison("x", first, second, "test_accuracy", 0.01, "primary", "")


def compared(inputs: Inputs, comparison: Comparison) -> Any:
    return compare(inputs, comparison, 0.95, 0.98, 0)


def test_students_interval_is_the_published_one() -> None:
    """R's t.test(extra ~ group, sleep, paired = TRUE): 0.7001142 to 2.4598858."""
    found = t_interval(SLEEP, 0.95)
    assert found is not None
    assert (found.value, found.low, found.high) == pytest.approx((1.58, 0.7001142, 2.4598858), abs=1e-6)


def test_a_difference_over_seeds_is_student_s_paired_test(make_run: Make) -> None:
    from scipy.stats import ttest_rel

    run = make_run(seeds=5)
    found = compared(read_inputs(run.evaluation, run.predictions), accuracy_of("cnn-3x3", "baseline"))
    first, second = (
        [each["test_accuracy"] for each in run.evaluation["candidates"] if each["name"] == name]
        for name in ("cnn-3x3", "baseline")
    )
    expected = ttest_rel(first, second)
    assert found.p_value == pytest.approx(expected.pvalue)
    interval = expected.confidence_interval(0.95)
    assert (found.t_interval.low, found.t_interval.high) == pytest.approx((interval.low, interval.high))
    assert found.mean == pytest.approx(np.mean(first) - np.mean(second))
    assert found.seeds == (0, 1, 2, 3, 4)


def test_only_seeds_that_both_have_are_paired(make_run: Make) -> None:
    run = make_run(seeds=4)
    run.evaluation["candidates"] = [
        each for each in run.evaluation["candidates"] if each["id"] not in ("cnn-3x3-1", "baseline-3")
    ]
    inputs = read_inputs(run.evaluation, run.predictions)
    assert compared(inputs, accuracy_of("cnn-3x3", "baseline")).seeds == (0, 2)


@pytest.mark.parametrize("measure", ["test_accuracy", "train_validation_gap", "validation_test_gap"])
def test_turning_a_comparison_round_turns_every_sign(make_run: Make, measure: Any) -> None:
    run = make_run()
    inputs = read_inputs(run.evaluation, run.predictions)
    comparison = replace(accuracy_of("cnn-3x3", "cnn-5x5"), measure=measure)
    one = compared(inputs, comparison)
    other = compared(inputs, replace(comparison, first="cnn-5x5", second="cnn-3x3"))
    assert other.p_value == pytest.approx(one.p_value)
    assert other.differences == pytest.approx([-each for each in one.differences])
    for name in ("t_interval", "bootstrap", "simultaneous_t", "simultaneous_bootstrap"):
        mine, theirs = getattr(one, name), getattr(other, name)
        assert (theirs.low, theirs.high) == pytest.approx((-mine.high, -mine.low), abs=1e-12), name


def test_a_gap_is_the_difference_of_two_differences_and_its_bootstrap_is_centred_on_it(
    make_run: Make,
) -> None:
    run = make_run(seeds=4)
    inputs = read_inputs(run.evaluation, run.predictions)
    found = compared(inputs, replace(accuracy_of("cnn-5x5", "cnn-3x3"), measure="train_validation_gap"))

    def gap(id: str) -> float:
        entry = next(each for each in run.evaluation["candidates"] if each["id"] == id)
        return float(entry["train_accuracy"] - entry["validation_accuracy"])

    assert found.differences == pytest.approx([gap(f"cnn-5x5-{s}") - gap(f"cnn-3x3-{s}") for s in range(4)])
    width = found.bootstrap.high - found.bootstrap.low
    assert (found.bootstrap.high + found.bootstrap.low) / 2 == pytest.approx(found.mean, abs=0.1 * width)


def test_the_simultaneous_intervals_are_wider(make_run: Make) -> None:
    run = make_run()
    for each in seed_comparisons(read_inputs(run.evaluation, run.predictions), 0.95, 0):
        for narrow, wide in (
            (each.t_interval, each.simultaneous_t),
            (each.bootstrap, each.simultaneous_bootstrap),
        ):
            assert narrow is not None
            assert wide is not None
            assert wide.low < narrow.low < narrow.high < wide.high


def test_holm_counts_declared_comparisons_that_were_not_run(make_run: Make) -> None:
    run = make_run(skills={"baseline": 1.5, "cnn-3x3": 1.9})
    (only,) = seed_comparisons(read_inputs(run.evaluation, run.predictions), 0.95, 0)
    assert only.family == "primary"
    assert only.p_holm == pytest.approx(min(1, len(declared("primary")) * only.p_value))  # type: ignore[operator]


def test_pairs_that_nobody_declared_are_exploration_without_a_corrected_p_value(make_run: Make) -> None:
    run = make_run(skills={"baseline": 1.5, "resnet": 3.0, "other": 2.0})
    found = seed_comparisons(read_inputs(run.evaluation, run.predictions), 0.95, 0)
    assert [(each.first, each.second) for each in found] == [
        ("baseline", "resnet"), ("baseline", "other"), ("resnet", "other"),
    ]  # fmt: skip
    assert all((each.family, each.p_holm, each.simultaneous_t) == (None, None, None) for each in found)
    assert all(each.p_value is not None and each.bootstrap is not None for each in found)


def test_a_difference_without_spread_has_no_test_and_says_so(make_run: Make) -> None:
    run = make_run()
    for each in run.evaluation["candidates"]:
        each["test_accuracy"] = {"cnn-3x3": 0.9, "cnn-5x5": 0.8}.get(each["name"], 0.5)
    found = compared(read_inputs(run.evaluation, None), accuracy_of("cnn-3x3", "cnn-5x5"))
    assert (found.p_value, found.t_interval) == (None, None)
    assert "the same under every seed" in found.note


@given(st.lists(st.floats(-0.1, 0.1), min_size=2, max_size=10), st.floats(-0.5, 0.5))
def test_shifting_all_differences_shifts_the_interval(values: list[float], shift: float) -> None:
    one, other = t_interval(values, 0.95), t_interval([each + shift for each in values], 0.95)
    if one is not None and other is not None:
        assert (other.low, other.high) == pytest.approx((one.low + shift, one.high + shift), abs=1e-9)


def test_nothing_is_said_of_images_needed_where_no_image_differs_or_nothing_is_at_stake(
    make_run: Make,
) -> None:
    run = make_run(seeds=3)
    inputs = read_inputs(run.evaluation, run.predictions)
    same = accuracy_of("cnn-3x3", "cnn-3x3")
    gap = replace(accuracy_of("cnn-3x3", "baseline"), measure="train_validation_gap")
    explored = replace(accuracy_of("cnn-3x3", "baseline"), relevant=0.0)
    assert [compared(inputs, each).images_needed for each in (same, gap, explored)] == [None] * 3
