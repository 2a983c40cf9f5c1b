"""What the sections of the report show: their tables and figures, from an evaluation and its analysis."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pipeline.analysis.case_study import SPLIT_NAMES, SPLITS
from pipeline.analysis.evaluation import METRICS, Candidate, Evaluation
from pipeline.analysis.results import Analysis
from pipeline.formatting import count
from pipeline.report import calibration_table, classes
from pipeline.report.costs import REFERENCE, make_costs
from pipeline.report.differences import declared, make_models, make_pairs, make_seed_rows
from pipeline.report.figures.band_plot import draw_band_plot
from pipeline.report.figures.confusion_matrix import draw_confusion_matrix, draw_small_confusion
from pipeline.report.figures.cost_plot import MEASURES, draw_cost_plot
from pipeline.report.figures.difference_plot import draw_difference_plot
from pipeline.report.figures.learning_curves import draw_learning_curves
from pipeline.report.figures.palette import SERIES
from pipeline.report.figures.reliability_diagram import draw_confidence_histogram, draw_reliability_diagram
from pipeline.report.gallery import make_pictures
from pipeline.report.leaderboard import make_rows
from pipeline.report.mistakes import SURE, most_confused, read_test_predictions
from pipeline.report.model_card.checking import card_problems
from pipeline.report.model_card.reading import card_sections
from pipeline.report.pictures import read_gallery

MOST_CONFUSED = 6
MOST_SMALL = 24  # models whose confusion matrix is drawn besides the winner's
LIBRARIES = ("numpy", "scipy", "statsmodels", "scikit-learn")

Content = dict[str, Any]


def accuracy_content(evaluation: Evaluation, analysis: Analysis) -> Content:
    """Leaderboard and learning curves."""
    candidates = evaluation["candidates"]
    pairs, all_pairs = make_pairs(analysis, evaluation["winner"]["name"])
    return {
        "splits": [SPLIT_NAMES[split] for split in SPLITS],
        "rows": make_rows(evaluation, analysis, len(SERIES)),
        "bands": [(SPLIT_NAMES[split], draw_band_plot(split, candidates, analysis)) for split in SPLITS],
        "models_over_seeds": make_models(analysis),
        "pairs": pairs,
        "all_pairs": all_pairs,
        "curves": [(metric, draw_learning_curves(metric, candidates)) for metric in METRICS],
    }


def experiment_content(evaluation: Evaluation, analysis: Analysis) -> Content:
    """The differences over seeds, and what each model costs."""
    kernel, convolution = declared(analysis, baseline=False), declared(analysis, baseline=True)
    figures = (
        ("Kernel size", draw_difference_plot("kernel", kernel)),
        ("Convolution", draw_difference_plot("convolution", convolution)),
    )
    plots = [
        (measure.title[0].lower() + measure.title[1:] if measure.key != "forward_flops" else measure.title,
         draw_cost_plot(measure, evaluation["candidates"], analysis))
        for measure in MEASURES
    ]  # fmt: skip
    return {
        "kernel_rows": make_seed_rows(kernel),
        "convolution_rows": make_seed_rows(convolution),
        "differences": [(title, figure) for title, figure in figures if figure is not None],
        "cost_figures": [(title, figure) for title, figure in plots if figure is not None],
        "flops_known": plots[0][1] is not None,
        "costs": make_costs(analysis),
        "reference_cost": REFERENCE if analysis.candidate(REFERENCE) is not None else "",
    }


def error_content(
    evaluation: Evaluation,
    analysis: Analysis,
    winner: Candidate,
    predictions: Path | None,
    gallery: Path | None,
) -> Content:
    """What the winner gets wrong, in matrices, tables and pictures."""
    matrix, class_names = winner["test"]["confusion_matrix"], evaluation["class_names"]
    by_id = {each["id"]: each for each in evaluation["candidates"]}
    others = [each for each in analysis.candidates if each.name != winner["name"]]
    confused = most_confused(matrix, class_names, MOST_CONFUSED)
    # What the analysis did not trust, the pictures do not show.
    looked_at = read_test_predictions(predictions, list(by_id)) if analysis.has_predictions else None
    return {
        "confusion": draw_confusion_matrix(
            matrix, class_names, f"Confusion matrix of {winner['id']} on test"
        ),
        "small_confusions": [
            (
                each.representative,
                draw_small_confusion(
                    by_id[each.representative]["test"]["confusion_matrix"],
                    number,
                    f"Confusion matrix of {each.representative} on test",
                ),
            )
            for number, each in enumerate(others[:MOST_SMALL])
        ],
        "more_confusions": max(0, len(others) - MOST_SMALL),
        "mistakes": confused,
        "classes": classes.make_rows(analysis, winner),
        "pictures": make_pictures(looked_at, read_gallery(gallery), winner["id"], confused, class_names),
        "sure": SURE,
        "tested": count(evaluation["data"]["splits"]["test"]["count"]),
    }


def calibration_content(analysis: Analysis, winner: Candidate) -> Content:
    """How far the probabilities can be believed."""
    found = analysis.calibration(winner["id"])
    return {
        "calibration_rows": calibration_table.make_rows(analysis),
        "reliability": None if found is None else draw_reliability_diagram(found),
        "confidence": None if found is None else draw_confidence_histogram(found),
    }


def card_content(model_card: Mapping[str, Any] | None) -> Content:
    """The model card, if there is one that the schema allows."""
    problems = [] if model_card is None else card_problems(model_card)
    shown = [] if model_card is None or problems else card_sections(model_card)
    return {"card": shown, "card_problems": problems}


def methods_content(analysis: Analysis) -> Content:
    """Which statistics there are, and what computed them."""
    return {
        "methods": analysis.methods,
        "libraries": [(name, version(name)) for name in LIBRARIES],
        "level": analysis.level,
        "analysis_seed": analysis.seed,
    }
