"""The rule: every branch by numbers at its border, and whole runs whose truth is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.analysis import analyse
from pipeline.analysis.hypotheses import HYPOTHESES, Comparison, CostClaim
from pipeline.analysis.judging import judge, judge_cost, verdicts
from pipeline.analysis.results import CostRatio, Interval, SeedComparison

Make = Callable[..., Any]
CLAIM = Comparison("key", "cnn-3x3", "cnn-5x5", "test_accuracy", 0.002, "primary", "")


def found(
    mean: float,
    p_holm: float | None = 0.01,
    half: float = 0.001,
    bootstrap_half: float | None = None,
    seeds: int = 5,
    widen: float = 1.3,
) -> SeedComparison:
    """Intervals reach `half` to either side of the mean, those of the family `widen` times that."""
    other = half if bootstrap_half is None else bootstrap_half
    intervals = [
        Interval(mean, mean - each, mean + each, 0.95, "t")
        for each in (half, other, widen * half, widen * other)
    ]
    return SeedComparison(
        first="cnn-3x3",
        second="cnn-5x5",
        measure="test_accuracy",
        family="primary",
        seeds=tuple(range(seeds)),
        differences=(mean,) * seeds,
        mean=mean,
        p_value=p_holm,
        p_holm=p_holm,
        t_interval=intervals[0],
        bootstrap=intervals[1],
        simultaneous_t=intervals[2],
        simultaneous_bootstrap=intervals[3],
        note="",
    )


@pytest.mark.parametrize(
    ("comparison", "decision", "words"),
    [
        (found(0.004), "confirmed", "0.40 points higher than cnn-5x5's, mean of 5 seeds"),
        (found(0.002, half=0.0019), "confirmed", "p = 0.010 by Holm"),
        (found(0.004, p_holm=0.0004), "confirmed", "p < 0.001 by Holm"),
        (found(-0.004), "refuted", "0.40 points lower than cnn-5x5's"),
        (found(-0.004), "refuted", "it is the other way round"),
        (found(0.0, p_holm=0.9), "refuted", "an advantage that matters, 0.20 points, is excluded"),
        (found(0.0005, p_holm=0.01, half=0.0004), "refuted", "is excluded"),
        (found(0.004, p_holm=0.06), "undecided", "neither chance nor an advantage that matters"),
        (found(0.004, bootstrap_half=0.005), "undecided", "the seeds agree, but other test images"),
        (
            found(0.0015, half=0.001),
            "undecided",
            "less than what matters, 0.20 points, which is not excluded",
        ),
        (found(0.0, p_holm=0.9, half=0.001, bootstrap_half=0.003), "undecided", "neither chance nor"),
        (found(-0.004, bootstrap_half=0.008), "undecided", "the seeds agree, but other test images"),
        (found(0.004, seeds=2), "undecided", "at least 3 seeds"),
        (found(0.004, p_holm=None), "undecided", "0.40 points higher"),
        (None, "undecided", "does not have both cnn-3x3 and cnn-5x5 under a common seed"),
    ],
)
def test_each_branch_of_the_rule(comparison: SeedComparison | None, decision: str, words: str) -> None:
    finding = judge(CLAIM, comparison)
    assert finding.decision == decision
    assert words in finding.sentence


@given(
    st.floats(-0.02, 0.02),
    st.floats(0, 1),
    st.floats(1e-5, 0.02),
    st.floats(1e-5, 0.02),
    st.integers(1, 10),
)
def test_a_difference_and_its_opposite_are_never_both_confirmed(
    mean: float, p_holm: float, half: float, bootstrap_half: float, seeds: int
) -> None:
    one, other = (judge(CLAIM, found(sign * mean, p_holm, half, bootstrap_half, seeds)) for sign in (1, -1))
    assert [one.decision, other.decision].count("confirmed") <= 1
    if one.decision == "confirmed":
        assert other.decision == "refuted"
    if seeds < 3:
        assert (one.decision, other.decision) == ("undecided", "undecided")


@given(st.floats(0.0, 0.02), st.floats(0.0, 0.02), st.floats(0, 0.04), st.floats(1e-5, 0.02))
def test_a_larger_advantage_never_turns_confirmed_into_something_else(
    mean: float, more: float, p_holm: float, half: float
) -> None:
    if judge(CLAIM, found(mean, p_holm, half)).decision == "confirmed":
        assert judge(CLAIM, found(mean + more, p_holm, half)).decision == "confirmed"


@pytest.mark.parametrize(
    ("flops", "decision"), [(2.5, "confirmed"), (1.1, "confirmed"), (1.09, "refuted"), (None, "undecided")]
)
def test_costs_are_counted_and_compared_with_what_matters(flops: float | None, decision: str) -> None:
    cost = CostRatio("cnn-5x5", "cnn-3x3", 1.04, flops, 1.7, None, 0.6, None)
    finding = judge_cost(CostClaim("cnn-5x5", "cnn-3x3", 1.1, ""), cost)
    assert finding.decision == decision
    assert "took 1.70 times as long" in finding.sentence
    assert judge_cost(CostClaim("a", "b", 1.1, ""), None).decision == "undecided"


def test_a_run_with_a_large_difference_confirms_and_one_turned_round_refutes(make_run: Make) -> None:
    images = {"train": 2_000, "validation": 1_000, "test": 2_000}
    run = make_run(skills={"baseline": 0.5, "cnn-3x3": 3.0, "cnn-5x5": 2.0}, seeds=6, images=images)
    by_key = {each.key: each for each in verdicts(analyse(run.evaluation, run.predictions))}
    assert by_key["convolution"].decision == "confirmed"
    assert by_key["convolution"].sentence.startswith("Confirmed. cnn-3x3's test accuracy is ")
    accuracy, _ = by_key["kernel-size"].findings
    assert accuracy.decision == "confirmed"
    assert by_key["kernel-cost"].decision == "confirmed"
    run = make_run(skills={"baseline": 0.5, "cnn-3x3": 2.0, "cnn-5x5": 3.0}, seeds=6, images=images)
    kernel = next(
        each for each in verdicts(analyse(run.evaluation, run.predictions)) if each.key == "kernel-size"
    )
    assert kernel.decision == "refuted"
    assert "it is the other way round" in kernel.sentence


def test_one_seed_decides_nothing_about_accuracy_and_everything_about_counts(make_run: Make) -> None:
    run = make_run(seeds=1, skills={"baseline": 0.1, "cnn-3x3": 5.0, "cnn-5x5": 3.0})
    decisions = {each.key: each.decision for each in verdicts(analyse(run.evaluation, run.predictions))}
    assert decisions == {
        "convolution": "undecided",
        "kernel-size": "undecided",
        "kernel-cost": "confirmed",
        "convolution-5x5": "undecided",
    }


def test_arms_that_were_not_run_have_no_verdict_and_the_case_studys_claims_always_have(
    make_run: Make,
) -> None:
    run = make_run(skills={"cnn-3x3": 2.0, "cnn-5x5-params": 2.0})
    found = verdicts(analyse(run.evaluation, run.predictions))
    assert [each.key for each in found] == [*(each.key for each in HYPOTHESES), "kernel-size-params"]
    assert [each.primary for each in found] == [True, True, True, False]
    assert found[0].sentence.startswith("Undecided. The run does not have both cnn-3x3 and baseline")


def test_the_seeds_in_another_order_give_the_same_verdicts(make_run: Make) -> None:
    run = make_run(seeds=4)
    before = verdicts(analyse(run.evaluation, run.predictions))
    run.evaluation["candidates"].sort(key=lambda each: -each["seed"])
    assert verdicts(analyse(run.evaluation, run.predictions)) == before


def test_a_note_stands_where_an_interval_is_missing() -> None:
    missing = replace(found(0.004), bootstrap=None, note="Images are not known.")
    assert judge(CLAIM, missing).sentence.endswith("mean of 5 seeds. Images are not known.")


def test_an_undecided_claim_says_how_many_images_would_settle_it() -> None:
    needed = replace(found(0.001, p_holm=0.2), images_needed=30_659)
    sentence = judge(CLAIM, needed).sentence
    assert sentence.endswith("About 31,000 test images would tell 0.20 points from none (80% power).")
    assert "images would" not in judge(CLAIM, replace(found(0.004), images_needed=30_659)).sentence
