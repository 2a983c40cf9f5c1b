"""Decides what a run says about the claims in pipeline/analysis/hypotheses.py, by a rule fixed in advance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pipeline.analysis.hypotheses import (
    ALPHA,
    HYPOTHESES,
    LEAST_SEEDS,
    SECONDARY,
    Comparison,
    CostClaim,
    Hypothesis,
)
from pipeline.analysis.results import Analysis, CostRatio, Interval, SeedComparison
from pipeline.analysis.sample_size import POWER
from pipeline.formatting import points

Decision = Literal["confirmed", "refuted", "undecided"]


@dataclass(frozen=True)
class Finding:
    """What one comparison or cost claim came to. `sentence` says it in words, with the numbers."""

    key: str
    decision: Decision
    sentence: str
    numbers: Mapping[str, float | None]


@dataclass(frozen=True)
class Verdict:
    """What a claim came to. `primary` claims are the case study's; the others explain."""

    key: str
    claim: str
    primary: bool
    decision: Decision
    sentence: str
    findings: tuple[Finding, ...]


def verdicts(analysis: Analysis) -> tuple[Verdict, ...]:
    """A verdict on each claim, in the order of the declaration; secondary ones only for arms that were run."""
    names = {each.name for each in analysis.candidates}
    ran = [
        each
        for each in SECONDARY
        if names
        >= {name for comparison in each.comparisons for name in (comparison.first, comparison.second)}
    ]
    return tuple(judge_hypothesis(each, analysis) for each in (*HYPOTHESES, *ran))


def judge_hypothesis(hypothesis: Hypothesis, analysis: Analysis) -> Verdict:
    """Confirmed if all its parts are, refuted if any is, undecided otherwise."""
    findings = [
        judge(each, analysis.seed_comparison(each.first, each.second, each.measure))
        for each in hypothesis.comparisons
    ]
    if hypothesis.cost is not None:
        cost = hypothesis.cost
        findings.append(judge_cost(cost, analysis.cost(cost.name, cost.reference)))
    decisions = {each.decision for each in findings}
    decision: Decision = "undecided"
    if decisions == {"confirmed"}:
        decision = "confirmed"
    elif "refuted" in decisions:
        decision = "refuted"
    sentence = f"{decision.capitalize()}. {' '.join(each.sentence for each in findings)}"
    primary = hypothesis in HYPOTHESES
    return Verdict(hypothesis.key, hypothesis.claim, primary, decision, sentence, tuple(findings))


def judge(comparison: Comparison, found: SeedComparison | None) -> Finding:
    """The rule for a difference, in this order.

    - undecided: the run has not both candidates, fewer than LEAST_SEEDS common seeds, no spread over seeds, or no
      interval over images;
    - confirmed: Holm's p < ALPHA, the 95 % two-way bootstrap interval lies above 0, and the mean difference is at
      least `relevant`;
    - refuted: Holm's p < ALPHA and the bootstrap interval lies below 0; or both intervals that hold for the whole
      family (t over seeds, two-way bootstrap) lie below `relevant`: a difference that matters is excluded;
    - undecided: all else.
    """
    if found is None:
        both = f"both {comparison.first} and {comparison.second} under a common seed"
        return Finding(comparison.key, "undecided", f"The run does not have {both}.", {})
    decision, reason = _decide(comparison, found)
    if decision == "undecided" and found.images_needed is not None:
        images = float(f"{found.images_needed:.2g}")
        least = points(comparison.relevant)
        reason += f" About {images:,.0f} test images would tell {least} from none ({POWER:.0%} power)."
    return Finding(comparison.key, decision, f"{_what(comparison, found)}{reason}", _numbers(found))


def _decide(comparison: Comparison, found: SeedComparison) -> tuple[Decision, str]:
    if len(found.seeds) < LEAST_SEEDS:
        return "undecided", f". The rule asks for at least {LEAST_SEEDS} seeds to tell it from chance."
    t_family, bootstrap_family = found.simultaneous_t, found.simultaneous_bootstrap
    if found.p_holm is None or found.bootstrap is None or t_family is None or bootstrap_family is None:
        return "undecided", f". {found.note}"
    least = points(comparison.relevant)
    numbers = (
        f" (95 % over seeds {_range(found.t_interval)}, over seeds and images {_range(found.bootstrap)}; "
        f"p {_p(found.p_holm)} by Holm)"
    )
    significant = found.p_holm < ALPHA
    if significant and found.bootstrap.low > 0 and found.mean >= comparison.relevant:
        return "confirmed", f"{numbers}."
    if significant and found.bootstrap.high < 0:
        return "refuted", f"{numbers}: it is the other way round."
    if max(t_family.high, bootstrap_family.high) < comparison.relevant:
        return "refuted", f"{numbers}: an advantage that matters, {least}, is excluded."
    if significant and found.bootstrap.low > 0:
        return "undecided", f"{numbers}: less than what matters, {least}, which is not excluded either."
    if significant:
        return "undecided", (
            f"{numbers}: the seeds agree, but other test images could turn it round, and an advantage that "
            f"matters, {least}, is not excluded."
        )
    return "undecided", f"{numbers}: neither chance nor an advantage that matters, {least}, is excluded."


def judge_cost(claim: CostClaim, found: CostRatio | None) -> Finding:
    """FLOPs are counted, not estimated: confirmed if the ratio is at least `relevant`, else refuted.

    Undecided if the run has not both candidates, or is older than the counting. Seconds are told and decide
    nothing: the machine may have had other work to do.
    """
    name, reference, key = claim.name, claim.reference, f"{claim.name}-cost"
    if found is None:
        return Finding(key, "undecided", f"The run does not have both {name} and {reference}.", {})
    numbers = {
        "params_ratio": found.params,
        "forward_flops_ratio": found.forward_flops,
        "train_seconds_ratio": found.train_seconds,
    }
    rest = (
        f"{name} has {found.params:.2f} times the parameters of {reference} and took {found.train_seconds:.2f} "
        "times as long to train here, which decides nothing."
    )
    if found.forward_flops is None:
        return Finding(key, "undecided", f"FLOPs were not counted in this run. {rest}", numbers)
    decision: Decision = "confirmed" if found.forward_flops >= claim.relevant else "refuted"
    sentence = (
        f"{name} needs {found.forward_flops:.2f} times the FLOPs of {reference} for one image, counted; "
        f"{claim.relevant:g} times is what matters. {rest}"
    )
    return Finding(key, decision, sentence, numbers)


def _what(comparison: Comparison, found: SeedComparison) -> str:
    first, second, amount = comparison.first, comparison.second, points(found.mean)
    if comparison.measure == "test_accuracy":
        way = "higher" if found.mean > 0 else "lower"
        subject = f"{first}'s test accuracy is {amount} {way} than {second}'s"
    else:
        way = "more" if found.mean > 0 else "less"
        subject = f"{first} loses {amount} {way} than {second} from training to validation accuracy"
    seeds = len(found.seeds)
    return f"{subject}, {'under one seed' if seeds == 1 else f'mean of {seeds} seeds'}"


def _range(interval: Interval | None) -> str:
    assert interval is not None  # where there is a p-value, there is an interval
    return f"{interval.low * 100:+.2f} to {interval.high * 100:+.2f}"


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"= {value:.3f}"


def _numbers(found: SeedComparison) -> dict[str, float | None]:
    numbers = {
        "seeds": float(len(found.seeds)),
        "difference": found.mean,
        "p_value": found.p_value,
        "p_holm": found.p_holm,
    }
    for name, interval in (("t", found.t_interval), ("bootstrap", found.bootstrap)):
        numbers[f"{name}_low"] = None if interval is None else interval.low
        numbers[f"{name}_high"] = None if interval is None else interval.high
    return numbers
