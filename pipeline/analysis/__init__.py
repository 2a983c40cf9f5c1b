"""The statistics of an evaluation: what its numbers can and cannot tell. Pure; seconds for 25 models.

Begin at `evaluation.py` for what goes in and `results.py` for what comes out (Analysis), which the report, the
study's tables and the model card read; `judging.py` decides the claims of `hypotheses.py` by it.
Imports no other room.
"""

from __future__ import annotations

from pathlib import Path

from pipeline.analysis.evaluation import Evaluation
from pipeline.analysis.results import Analysis

LEVEL = 0.95

__all__ = ["LEVEL", "Analysis", "analyse"]


def analyse(evaluation: Evaluation, predictions: Path | None, seed: int = 0) -> Analysis:
    """Every statistic of `evaluation`, the content of evaluation.json; equal arguments give equal results.

    `predictions` is the path of predictions.npz. Without it, or when it is damaged or another evaluation's, what
    needs single images is left out and `notes` says so. `seed` is that of the bootstraps.
    """
    # numpy and what the statistics import take a second.
    from pipeline.analysis.calibration import calibrations
    from pipeline.analysis.candidates import summaries
    from pipeline.analysis.classes import class_figures
    from pipeline.analysis.costs import cost_ratios
    from pipeline.analysis.image_comparisons import image_comparisons
    from pipeline.analysis.inputs import read_inputs
    from pipeline.analysis.methods import METHODS
    from pipeline.analysis.notes import limits
    from pipeline.analysis.proportions import accuracies, gaps
    from pipeline.analysis.seed_comparisons import seed_comparisons

    inputs = read_inputs(evaluation, predictions)
    has_predictions = bool(inputs.labels)
    return Analysis(
        level=LEVEL,
        seed=seed,
        has_predictions=has_predictions,
        seeds=inputs.seeds,
        candidates=summaries(inputs, LEVEL),
        accuracies=accuracies(inputs, LEVEL),
        image_comparisons=image_comparisons(inputs) if has_predictions else (),
        seed_comparisons=seed_comparisons(inputs, LEVEL, seed),
        calibrations=calibrations(inputs) if has_predictions else (),
        classes=class_figures(inputs, LEVEL, seed),
        gaps=gaps(inputs, LEVEL),
        costs=cost_ratios(inputs, LEVEL),
        notes=limits(inputs),
        methods=METHODS,
    )
