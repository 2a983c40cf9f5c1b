"""What candidates cost in multiples of each other: parameters, FLOPs, seconds, images per second."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations
from math import exp, log
from statistics import fmean

from pipeline.analysis.inputs import Inputs, Training
from pipeline.analysis.results import CostRatio, Interval
from pipeline.analysis.seed_comparisons import t_interval


def cost_ratios(inputs: Inputs, level: float) -> tuple[CostRatio, ...]:
    """Every candidate in multiples of every other."""
    return tuple(
        _ratio(inputs.of(name), inputs.of(reference), level)
        for name, reference in permutations(inputs.names, 2)
        if {each.seed for each in inputs.of(name)} & {each.seed for each in inputs.of(reference)}
    )


def _ratio(own: Sequence[Training], other: Sequence[Training], level: float) -> CostRatio:
    others = {each.seed: each for each in other}
    pairs = [(each, others[each.seed]) for each in own if each.seed in others]
    first, second = pairs[0]
    flops = (
        first.forward_flops / second.forward_flops if first.forward_flops and second.forward_flops else None
    )
    seconds = [log(one.train_seconds / two.train_seconds) for one, two in pairs]
    speeds = [log(one.images_per_second / two.images_per_second) for one, two in pairs]
    return CostRatio(
        name=first.name,
        reference=second.name,
        params=first.params / second.params,
        forward_flops=flops,
        train_seconds=exp(fmean(seconds)),
        train_seconds_interval=_geometric(seconds, level),
        images_per_second=exp(fmean(speeds)),
        images_per_second_interval=_geometric(speeds, level),
    )


def _geometric(logarithms: Sequence[float], level: float) -> Interval | None:
    found = t_interval(logarithms, level)
    if found is None:
        return None
    return Interval(exp(found.value), exp(found.low), exp(found.high), level, "log-t")
