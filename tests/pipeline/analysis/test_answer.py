from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pipeline.analysis.answer import Answer, compare, listed, make_answer
from pipeline.analysis.evaluation import NOT_RECORDED, Evaluation, Registration
from pipeline.execution import ExecutionRecord

Make = Callable[..., Any]


def answer_of(evaluation: Evaluation, registration: Registration) -> Answer:
    return make_answer(evaluation, registration, ExecutionRecord("one", "p", "local", "Succeeded", {}, 0.0))


def words(evaluation: Evaluation, registration: Registration) -> str:
    answer = answer_of(evaluation, registration)
    return " ".join((*answer.opening, *answer.sentences))


def test_the_headline_names_the_winner_and_its_test_accuracy(
    make_evaluation: Make, make_registration: Make
) -> None:
    answer = answer_of(make_evaluation(), make_registration())
    assert answer.headline == "cnn-3x3 wins, with 91.10 % on the test images"


def test_the_lead_says_by_how_much_it_won_on_validation_and_test(
    make_evaluation: Make, make_registration: Make
) -> None:
    text = words(make_evaluation(), make_registration())
    assert (
        "On the 5,000 validation images, which decide, cnn-3x3 reached 91.54 %: 0.26 points more than cnn-5x5 and "
        "4.52 points more than baseline."
    ) in text
    assert (
        "On the 10,000 test images, looked at once, cnn-3x3 reached 91.10 %: 0.11 points less than cnn-5x5 and "
        "4.55 points more than baseline."
    ) in text


def test_the_gate_and_the_registered_version_are_named(
    make_evaluation: Make, make_registration: Make
) -> None:
    text = words(make_evaluation(), make_registration())
    assert "It passed the quality gate (at least 90.00 % on test) and is registered as version 3." in text


def test_a_missed_gate_is_in_the_headline(make_evaluation: Make, make_registration: Make) -> None:
    evaluation, registration = make_evaluation(passed=False), make_registration(False)
    assert "missed the quality gate" in answer_of(evaluation, registration).headline
    text = words(evaluation, registration)
    assert "asks for at least 95.00 % on test: missed, so nothing was registered." in text


def test_a_winner_that_could_not_be_registered_says_why(make_evaluation: Make) -> None:
    registration: Registration = {
        "model_package_arn": None,
        "version": None,
        "registered": False,
        "reason": "The registry is down.",
    }
    assert "but was not registered: The registry is down." in words(make_evaluation(), registration)
    assert "but was not registered: No registration was recorded." in words(make_evaluation(), NOT_RECORDED)


def test_with_several_seeds_the_winners_is_named(make_evaluation: Make, make_registration: Make) -> None:
    assert "cnn-3x3 (seed 2) reached" in words(make_evaluation(seeds=3), make_registration())


def test_of_many_rivals_the_next_three_are_named(make_evaluation: Make, make_registration: Make) -> None:
    names = tuple(f"cnn-{number}" for number in range(6))
    text = words(make_evaluation(names=names), make_registration())
    assert "cnn-0 reached 91.54 %: as much as cnn-1, as much as cnn-2 and as much as cnn-3." in text
    assert "The leaderboard has 2 more models." in text


def test_a_single_model_wins_against_nobody(make_evaluation: Make, make_registration: Make) -> None:
    evaluation = make_evaluation(names=("baseline",))
    answer = answer_of(evaluation, make_registration())
    assert answer.headline == "baseline reaches 86.55 % on the test images"
    assert "It was the only model in this run." in answer.opening[0]


def test_the_accuracies_are_counted_against_the_case_study(
    make_evaluation: Make, make_registration: Make
) -> None:
    text = words(make_evaluation(), make_registration())
    assert (
        "Of the 9 accuracies that the case study gives a range for, 8 lie within it, 1 above and 0 below."
        in text
    )
    assert "case study" not in words(make_evaluation(names=("resnet",)), make_registration())


@pytest.mark.parametrize(
    ("champion", "expected"),
    [
        (
            {"arn": "a", "id": "cnn-5x5-1", "test_accuracy": 0.90},
            "1.10 points more than the champion (cnn-5x5-1, 90.00 %)",
        ),
        (
            {
                "arn": "a",
                "id": "cnn-5x5-1",
                "test_accuracy": 0.92,
                "comparison": {"challenger_only": 40, "champion_only": 130, "p_value": 2e-12},
            },
            "0.90 points less than the champion (cnn-5x5-1, 92.00 %; 40 images are right in the winner alone, "
            "130 in the champion alone, p < 0.001, McNemar's exact test)",
        ),
        ({"arn": "arn:x", "error": "It is gone."}, "The champion arn:x could not be scored: It is gone."),
    ],
)
def test_the_winner_is_compared_with_the_champion(
    champion: dict[str, Any], expected: str, make_evaluation: Make, make_registration: Make
) -> None:
    assert expected in words(make_evaluation() | {"champion": champion}, make_registration())


def test_differences_too_small_to_show_are_none() -> None:
    assert compare(0.91001, 0.91002, "b") == "as much as b"


def test_parts_are_listed_as_one_would_say_them() -> None:
    assert [listed(parts) for parts in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == [
        "",
        "a",
        "a and b",
        "a, b and c",
    ]


def test_a_winner_that_lost_to_the_champion_misses_the_gate_for_that_reason(
    make_evaluation: Make, make_registration: Make
) -> None:
    evaluation = make_evaluation(passed=False)
    evaluation["gate"]["champion"] = {
        "required": True,
        "passed": False,
        "reason": "It is significantly worse.",
    }
    said = words(evaluation, make_registration(False))
    assert (
        "no significant loss to the champion: missed, so nothing was registered. It is significantly worse."
        in said
    )
    evaluation["gate"]["champion"]["required"] = False
    assert "champion" not in words(evaluation, make_registration(False))
