"""The tables that the analysis fills: differences, costs, calibration, classes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pipeline.analysis import analyse
from pipeline.report import calibration_table, classes
from pipeline.report.costs import make_costs
from pipeline.report.differences import (
    MOST_PAIRS,
    declared,
    make_models,
    make_pairs,
    make_seed_rows,
    relevant,
)
from tests.pipeline.report.conftest import Run

Make = Callable[..., Any]


def test_models_have_means_over_seeds_with_intervals_and_gaps(run: Run) -> None:
    models = {model.name: model for model in make_models(run.analysis)}
    small = models["cnn-3x3"]
    assert small.seeds == 3
    expected = run.analysis.candidate("cnn-3x3")
    assert expected is not None
    assert small.accuracies[2].value == f"{expected.mean_accuracy['test'].value * 100:.2f} %"
    assert "–" in small.accuracies[2].interval
    assert small.gaps[0].value.startswith("+")
    assert " to " in small.gaps[0].interval


def test_with_one_seed_there_are_no_means(make_evaluation: Make) -> None:
    assert make_models(analyse(make_evaluation(), None)) == []


def test_a_model_with_fewer_seeds_than_the_others_has_dashes(make_evaluation: Make) -> None:
    evaluation = make_evaluation(seeds=2)
    evaluation["candidates"] = [each for each in evaluation["candidates"] if each["id"] != "baseline-1"]
    (lonely,) = (model for model in make_models(analyse(evaluation, None)) if model.name == "baseline")
    assert {figure.value for figure in lonely.accuracies} == {"–"}


def test_the_declared_comparisons_are_split_by_what_they_are_about(run: Run) -> None:
    kernel, convolution = declared(run.analysis, baseline=False), declared(run.analysis, baseline=True)
    assert [(each.first, each.second, each.measure) for each in kernel] == [
        ("cnn-3x3", "cnn-5x5", "test_accuracy"),
        ("cnn-5x5", "cnn-3x3", "train_validation_gap"),
    ]
    assert {each.second for each in convolution} == {"baseline"}
    assert relevant(kernel[0]) == 0.002
    (first, _) = make_seed_rows(kernel)
    assert (first.pair, first.measure, first.seeds) == ("cnn-3x3 − cnn-5x5", "test accuracy", 3)
    assert " to " in first.t
    assert " to " in first.bootstrap


def test_one_seed_has_no_intervals_but_its_difference(make_run: Make) -> None:
    rows = make_seed_rows(declared(make_run(seeds=1).analysis, baseline=True))
    assert {row.t for row in rows} == {"–"}
    assert all(row.mean.startswith("+") for row in rows)


def test_every_two_models_are_compared_and_the_clear_ones_marked(run: Run) -> None:
    pairs, count = make_pairs(run.analysis, "cnn-3x3")
    assert count == 3
    assert {pair.significant for pair in pairs if "baseline" in pair.first} == {True}
    assert pairs[0].p == "< 0.001"


def test_of_many_models_only_the_comparisons_with_the_winner_are_shown(make_run: Make) -> None:
    run = make_run(names=tuple(f"cnn-{number}" for number in range(11)))
    pairs, count = make_pairs(run.analysis, "cnn-0")
    assert count == 55 > MOST_PAIRS
    assert len(pairs) == 10


def test_costs_are_counted_and_set_against_the_small_kernel(run: Run) -> None:
    costs = {cost.name: cost for cost in make_costs(run.analysis)}
    assert costs["cnn-5x5"].flops == "13.6 million"
    assert costs["cnn-5x5"].flops_ratio == "1.08×"
    assert costs["cnn-5x5"].params == "454,922"
    assert costs["cnn-3x3"].flops_ratio == ""


def test_costs_without_flops_or_a_reference_say_what_they_can(make_evaluation: Make) -> None:
    (cost,) = make_costs(analyse(make_evaluation(names=("baseline",)), None))
    assert (cost.flops, cost.flops_ratio, cost.params, cost.params_ratio) == ("–", "", "101,770", "")


def test_calibration_is_shown_before_and_after_the_temperature(run: Run) -> None:
    rows = calibration_table.make_rows(run.analysis)
    assert len(rows) == 3
    assert all(" → " in figure for row in rows for figure in (row.error, row.mass_error, row.nll, row.brier))


def test_without_predictions_there_is_no_calibration(make_evaluation: Make) -> None:
    assert calibration_table.make_rows(analyse(make_evaluation(), None)) == []


def test_classes_have_intervals_and_the_three_weakest_are_marked(run: Run) -> None:
    winner = next(
        each for each in run.evaluation["candidates"] if each["id"] == run.evaluation["winner"]["id"]
    )
    rows = classes.make_rows(run.analysis, winner)
    assert {row.name for row in rows if row.weak} == {"Shirt", "Pullover", "Coat"} or sum(
        row.weak for row in rows
    ) >= 3
    assert all("–" in row.recall.interval for row in rows)


def test_a_class_without_images_is_not_called_weak(make_evaluation: Make) -> None:
    evaluation = make_evaluation(names=("baseline",))
    (winner,) = evaluation["candidates"]
    winner["test"]["confusion_matrix"][1] = [0] * 10
    winner["test"]["per_class"][1] |= {"recall": 0.0, "support": 0}
    rows = classes.make_rows(analyse(evaluation, None), winner)
    assert not rows[1].weak
    assert rows[1].recall.interval == ""
