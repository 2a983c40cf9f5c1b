"""The whole analysis on made-up runs: what is there, what is left out, and that it says so."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.analysis import analyse
from pipeline.analysis.results import Measure

Make = Callable[..., Any]


def test_equal_arguments_give_equal_results_and_another_seed_moves_the_bootstrap_alone(
    make_run: Make,
) -> None:
    run = make_run()
    first = analyse(run.evaluation, run.predictions)
    assert first == analyse(run.evaluation, run.predictions)
    other = analyse(run.evaluation, run.predictions, seed=1)
    assert other.seed_comparisons[0].bootstrap != first.seed_comparisons[0].bootstrap
    assert other.seed_comparisons[0].t_interval == first.seed_comparisons[0].t_interval
    assert other.image_comparisons == first.image_comparisons


def test_every_training_split_pair_and_class_has_its_figures(make_run: Make) -> None:
    run = make_run()
    found = analyse(run.evaluation, run.predictions)
    assert [each.name for each in found.candidates] == ["baseline", "cnn-3x3", "cnn-5x5"]
    assert (found.seeds, len(found.accuracies), len(found.gaps)) == ((0, 1, 2), 27, 18)
    assert [(each.first, each.second) for each in found.image_comparisons] == [
        ("baseline", "cnn-3x3"),
        ("baseline", "cnn-5x5"),
        ("cnn-3x3", "cnn-5x5"),
    ]
    assert [(each.first, each.second, each.measure, each.family) for each in found.seed_comparisons] == [
        ("cnn-3x3", "baseline", "test_accuracy", "primary"),
        ("cnn-3x3", "cnn-5x5", "test_accuracy", "primary"),
        ("cnn-5x5", "cnn-3x3", "train_validation_gap", "primary"),
        ("cnn-5x5", "baseline", "test_accuracy", "secondary"),
    ]
    assert (len(found.calibrations), len(found.classes), len(found.costs)) == (9, 12, 6)
    assert found.notes == ()


def test_every_method_that_a_result_names_is_explained(make_run: Make) -> None:
    run = make_run()
    document = analyse(run.evaluation, run.predictions).to_json()
    explained = {each["key"] for each in document["methods"]}

    def named(value: Any) -> set[str]:
        if isinstance(value, dict):
            own = {value["method"]} if "method" in value else set()
            return own.union(*(named(each) for each in value.values()))
        return set().union(*(named(each) for each in value)) if isinstance(value, list | tuple) else set()

    assert named(document) == {"wilson", "newcombe", "t", "log-t", "two-way-bootstrap", "image-bootstrap"}
    assert named(document) <= explained


def test_the_analysis_is_json_without_nan(make_run: Make) -> None:
    run = make_run(seeds=1)
    text = json.dumps(analyse(run.evaluation, run.predictions).to_json(), allow_nan=False)
    assert json.loads(text)["candidates"][0]["representative"] == "baseline-0"


def test_the_representative_is_chosen_on_validation_and_never_on_test(make_run: Make) -> None:
    run = make_run()
    entries = [each for each in run.evaluation["candidates"] if each["name"] == "cnn-3x3"]
    best = max(entries, key=lambda each: each["validation_accuracy"])
    found = analyse(run.evaluation, None)
    summary = found.candidate("cnn-3x3")
    assert summary is not None
    assert summary.representative == best["id"]
    for each in entries:
        each["test_accuracy"] = 0.0 if each is best else 1.0
    assert analyse(run.evaluation, None).candidate("cnn-3x3").representative == best["id"]  # type: ignore[union-attr]


def test_one_seed_says_what_cannot_be_concluded(make_run: Make) -> None:
    run = make_run(seeds=1)
    found = analyse(run.evaluation, run.predictions)
    assert any("whether the architectures differ cannot be concluded" in note for note in found.notes)
    for each in found.seed_comparisons:
        assert (each.p_value, each.p_holm, each.t_interval, each.bootstrap) == (None, None, None, None)
        assert each.note == "One seed has no spread: no test and no interval over seeds."
    assert all(each.train_seconds_interval is None for each in found.costs)
    assert all(each.mean_accuracy == {} for each in found.candidates)


def test_without_predictions_what_needs_single_images_is_left_out_and_named(make_run: Make) -> None:
    run = make_run()
    found = analyse(run.evaluation, None)
    assert (found.has_predictions, found.image_comparisons, found.calibrations) == (False, (), ())
    assert any(note.startswith("The run left no predictions of single images.") for note in found.notes)
    comparison = found.seed_comparisons[0]
    assert comparison.t_interval is not None
    assert comparison.bootstrap is None
    assert comparison.note == "Which test images each model got right is not known: no interval over images."
    assert len(found.classes) == 12


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda path: path.write_bytes(b"PK not an archive"), "predictions.npz cannot be read"),
        (lambda path: path.unlink(), "predictions.npz cannot be read"),
        (lambda path: np.savez(path, labels_test=np.zeros(3, np.uint8)), "predictions.npz cannot be read"),
    ],
)
def test_predictions_that_cannot_be_read_are_left_out_and_named(
    make_run: Make, change: Callable[[Path], None], message: str
) -> None:
    run = make_run()
    change(run.predictions)
    found = analyse(run.evaluation, run.predictions)
    assert not found.has_predictions
    assert any(message in note for note in found.notes)


def put_nan(arrays: dict[str, Any]) -> None:
    arrays["probabilities_cnn-3x3-0_test"][7, 0] = np.nan


def put_columns(arrays: dict[str, Any], columns: int) -> None:
    arrays["probabilities_baseline-0_test"] = np.ones((len(arrays["labels_test"]), columns))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (put_nan, "no probabilities of 4 classes for cnn-3x3-0 on test"),
        (lambda arrays: arrays["probabilities_baseline-0_test"].fill(0), "no probabilities of 4 classes"),
        (
            lambda arrays: arrays.update(
                {"probabilities_baseline-0_test": np.ones((len(arrays["labels_test"]), 9))}
            ),
            "no probabilities of 4 classes",
        ),
        (lambda arrays: arrays["labels_test"].fill(200), "labels of no class on test"),
        (
            lambda arrays: arrays.update(labels_test=arrays["labels_test"] / 2),
            "its labels are not whole numbers",
        ),
        (lambda arrays: arrays.update(labels_test=np.uint8(1)), "other images of test"),
    ],
)
def test_predictions_that_are_none_are_left_out_and_named(
    make_run: Make, change: Callable[[dict[str, Any]], object], message: str
) -> None:
    run = make_run()
    with np.load(run.predictions) as archive:
        arrays = dict(archive)
    change(arrays)
    np.savez(run.predictions, **arrays)
    found = analyse(run.evaluation, run.predictions)
    assert not found.has_predictions
    assert any(message in note for note in found.notes)


def test_another_evaluations_predictions_are_left_out_and_named(make_run: Make) -> None:
    run, other = make_run(), make_run(skills={"baseline": 0.1, "cnn-3x3": 0.2, "cnn-5x5": 0.3})
    found = analyse(run.evaluation, other.predictions)
    assert not found.has_predictions
    assert any("another accuracy on validation than evaluation.json" in note for note in found.notes)
    other = make_run(skills={"baseline": 1.5})
    found = analyse(run.evaluation, other.predictions)
    assert any("predictions.npz has none of cnn-3x3-0 on validation" in note for note in found.notes)


def test_an_older_evaluation_says_what_it_did_not_record(make_run: Make) -> None:
    run = make_run(with_train=False, flops=False)
    del run.evaluation["data"]["scored_training_images"]
    found = analyse(run.evaluation, run.predictions)
    assert any("FLOPs were not counted" in note for note in found.notes)
    assert any("Which training images" in note for note in found.notes)
    assert found.costs[0].forward_flops is None
    gap = found.seed_comparison("cnn-5x5", "cnn-3x3", "train_validation_gap")
    assert gap is not None
    assert gap.t_interval is not None
    assert gap.bootstrap is None


def test_the_order_of_the_candidates_in_the_file_changes_no_number(make_run: Make) -> None:
    run = make_run()
    before = analyse(run.evaluation, run.predictions)
    run.evaluation["candidates"].reverse()
    after = analyse(run.evaluation, run.predictions)
    declared: tuple[str, str, Measure] = ("cnn-3x3", "cnn-5x5", "test_accuracy")
    assert after.seed_comparison(*declared) == before.seed_comparison(*declared)
    assert set(map(repr, after.accuracies)) == set(map(repr, before.accuracies))
    assert set(map(repr, after.calibrations)) == set(map(repr, before.calibrations))
    assert {each.p_holm for each in after.image_comparisons} == {
        each.p_holm for each in before.image_comparisons
    }


def test_the_report_fixtures_evaluation_can_be_analysed(make_evaluation: Make) -> None:
    found = analyse(make_evaluation(seeds=2), None)
    assert found.candidate("cnn-3x3") is not None
    assert found.accuracy("cnn-3x3-0", "train").images == 10_000  # type: ignore[union-attr]
