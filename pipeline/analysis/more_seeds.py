"""What one seed leaves open, and how long it takes here to settle it. Pure."""

from __future__ import annotations

from pipeline.analysis.evaluation import Evaluation, names_of, seeds_of
from pipeline.execution import ExecutionRecord
from pipeline.formatting import duration

SEEDS = 3  # the fewest of which a spread can be told


def one_seed(evaluation: Evaluation, record: ExecutionRecord) -> str:
    """That a comparison under one seed settles no architecture, and what does; empty where nothing is open."""
    candidates = evaluation["candidates"]
    if len(seeds_of(candidates)) > 1 or len(names_of(candidates)) == 1:
        return ""
    seconds = seconds_for_more(record)
    time = (
        "" if seconds is None else f", which takes about {duration(seconds)} here (as this run's steps took)"
    )
    return (
        "One seed settles no architecture, for another may turn the order round. "
        f"--seeds {SEEDS} trains each model under two more{time}."
    )


def seconds_for_more(record: ExecutionRecord) -> float | None:
    """How long the run takes under SEEDS seeds, one of which is done; None if its steps do not tell.

    What is not reused takes as long a seed as here, side by side as here; SEEDS times as many are evaluated.
    """
    trainings = [step for step in record.steps if step.type == "Training"]
    evaluations = [step for step in record.steps if step.name == "Evaluate"]
    steps = [*trainings, *evaluations]
    ran = [step for step in steps if step.status == "Succeeded" and not step.cached and step.attempts == 1]
    if not record.local or not trainings or len(evaluations) != 1 or ran != steps:
        return None
    starts = [step.started_at for step in trainings if step.started_at is not None]
    ends = [step.ended_at for step in trainings if step.ended_at is not None]
    seconds = evaluations[0].seconds
    if len(starts) != len(trainings) or len(ends) != len(trainings) or seconds is None:
        return None
    return (SEEDS - 1) * (max(ends) - min(starts)) + SEEDS * seconds
