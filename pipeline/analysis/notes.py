"""What cannot be concluded from a run, in sentences for its readers."""

from __future__ import annotations

from pipeline.analysis.hypotheses import LEAST_SEEDS
from pipeline.analysis.inputs import Inputs


def limits(inputs: Inputs) -> tuple[str, ...]:
    """One sentence or two for each limit of the evaluation; empty when there is none."""
    notes = []
    seeds = len(inputs.seeds)
    if len(inputs.names) > 1 and seeds == 1:
        notes.append(
            "Every model was trained once, under one seed. McNemar's test and the intervals say how these "
            "very models differ on such images; whether the architectures differ cannot be concluded, as another "
            "seed may turn the difference round."
        )
    elif len(inputs.names) > 1 and seeds < LEAST_SEEDS:
        notes.append(
            f"There are {seeds} seeds; the declared rules ask for at least {LEAST_SEEDS}. Nothing is "
            "concluded about architectures."
        )
    for note in inputs.notes:
        notes.append(
            f"{note} So McNemar's tests, the two-way bootstrap and calibration are missing, and no claim about "
            "accuracy can be confirmed or refuted."
        )
    if any(each.forward_flops is None for each in inputs.trainings):
        notes.append("FLOPs were not counted in this run, so that nothing is concluded about cost.")
    if inputs.labels and any("train" not in each.correct for each in inputs.trainings):
        notes.append(
            "Which training images each model got right was not recorded, so that nothing is concluded about "
            "generalization."
        )
    return tuple(notes)
