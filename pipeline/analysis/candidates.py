"""Each candidate over its seeds: means with intervals, and the training that stands for it."""

from __future__ import annotations

from statistics import fmean

from pipeline.analysis.case_study import SPLITS, Split
from pipeline.analysis.inputs import Inputs
from pipeline.analysis.proportions import GAPS
from pipeline.analysis.results import CandidateSummary, Interval
from pipeline.analysis.seed_comparisons import t_interval


def summaries(inputs: Inputs, level: float) -> tuple[CandidateSummary, ...]:
    """One summary a candidate, in the order of the evaluation."""
    return tuple(_summary(inputs, name, level) for name in inputs.names)


def _summary(inputs: Inputs, name: str, level: float) -> CandidateSummary:
    trainings = inputs.of(name)
    values: dict[Split, list[float]] = {
        split: [each.accuracy(split) for each in trainings] for split in SPLITS
    }
    accuracy: dict[Split, Interval] = {}
    for split in SPLITS:
        found = t_interval(values[split], level)
        if found is not None:
            accuracy[split] = found
    gap: dict[str, Interval] = {}
    for first, second in GAPS:
        found = t_interval([one - two for one, two in zip(values[first], values[second], strict=True)], level)
        if found is not None:
            gap[f"{first}_{second}"] = found
    return CandidateSummary(
        name=name,
        seeds=tuple(each.seed for each in trainings),
        representative=inputs.representative(name).id,
        params=trainings[0].params,
        forward_flops=trainings[0].forward_flops,
        train_seconds=fmean(each.train_seconds for each in trainings),
        images_per_second=fmean(each.images_per_second for each in trainings),
        mean_accuracy=accuracy,
        mean_gap=gap,
    )
