from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pipeline.analysis import analyse
from pipeline.analysis.evaluation import NOT_RECORDED
from pipeline.report.leaderboard import Accuracy, make_rows
from pipeline.report.mistakes import Confusion, most_confused
from pipeline.report.provenance import make_facts, make_settings

Make = Callable[..., Any]


def test_the_leaderboard_is_ranked_on_validation_and_has_the_bands_beside(make_evaluation: Make) -> None:
    evaluation = make_evaluation()
    rows = make_rows(evaluation, analyse(evaluation, None), colors=6)
    assert [(row.name, row.won, row.series) for row in rows] == [
        ("cnn-3x3", True, 1),
        ("cnn-5x5", False, 2),
        ("baseline", False, 0),
    ]
    assert rows[2].accuracies == (
        Accuracy("89.21 %", "88.59–89.80 %", "within", "=", "88–90 %"),
        Accuracy("87.02 %", "86.06–87.92 %", "above", "↑", "85–87 %"),
        Accuracy("86.55 %", "85.87–87.20 %", "within", "=", "86–88 %"),
    )
    assert (rows[0].parameters, rows[0].images_per_second, rows[0].train_time) == (
        "421,642",
        "2,050",
        "1 min 21 s",
    )


def test_all_seeds_of_a_model_share_its_colour(make_evaluation: Make) -> None:
    evaluation = make_evaluation(seeds=3)
    rows = make_rows(evaluation, analyse(evaluation, None), colors=2)
    assert {(row.name, row.series) for row in rows} == {("baseline", 0), ("cnn-3x3", 1), ("cnn-5x5", 0)}
    assert [row.won for row in rows] == [True] + [False] * 8


def test_the_most_frequent_mistakes_come_first_and_hits_are_none() -> None:
    matrix = [[90, 7, 3], [1, 99, 0], [8, 0, 92]]
    assert most_confused(matrix, ["a", "b", "c"], 3) == [
        Confusion("c", "a", 8, 100),
        Confusion("a", "b", 7, 100),
        Confusion("a", "c", 3, 100),
    ]
    assert most_confused([[5, 0], [0, 5]], ["a", "b"], 3) == []


def test_settings_that_differ_between_the_models_are_marked(make_evaluation: Make) -> None:
    models, settings = make_settings(make_evaluation(seeds=2)["candidates"])
    assert models == ["baseline", "cnn-3x3", "cnn-5x5"]
    by_name = {setting.name: setting for setting in settings}
    assert by_name["kernel_size"].values == ("–", "3", "5")
    assert by_name["kernel_size"].differs
    assert not by_name["learning_rate"].differs
    assert "seed" not in by_name


def test_the_provenance_holds_parameters_versions_digests_and_seeds(
    make_evaluation: Make, make_registration: Make, make_record: Make
) -> None:
    evaluation, registration = make_evaluation(), make_registration()
    facts = {
        fact.title: dict(fact.rows) for fact in make_facts(make_record(evaluation), evaluation, registration)
    }
    assert facts["Execution"]["Started"] == "2026-11-23 15:00:00 UTC"
    assert facts["Execution"]["Model package"] == registration["model_package_arn"]
    assert facts["Pipeline parameters"]["LearningRate"] == "0.003"
    assert facts["Pipeline parameters"]["ChampionModelPackage"] == "none"
    assert facts["Data"]["Data digest"] == evaluation["data"]["data_digest"]
    assert facts["Data"]["Images, test"] == "10,000"
    environment = facts["Code and environment"]
    assert environment["tensorflow"] == "2.21.0"
    assert environment["threads"] == "1 (baseline-0), 2 (cnn-3x3-0), 1 (cnn-5x5-0)"
    assert environment["seed"] == "0"
    assert "hyperparameters" not in environment
    assert facts["Artifacts"]["cnn-5x5-0"].endswith("cnn-5x5-0/output/model.tar.gz")


def test_every_artifact_has_its_digest(make_evaluation: Make, make_record: Make) -> None:
    evaluation = make_evaluation()
    (rows,) = (
        fact.rows
        for fact in make_facts(make_record(evaluation), evaluation, NOT_RECORDED)
        if fact.title == "Artifacts"
    )
    digests = [value for name, value in rows if name == "SHA-256"]
    assert digests == [each["artifact_sha256"] for each in evaluation["candidates"]]
