from __future__ import annotations

from typing import Any

import pytest

from pipeline.analysis.hypotheses import HYPOTHESES
from pipeline.analysis.judging import Finding, Verdict, verdicts
from pipeline.report.verdicts import PHRASES, make_cards, make_headline
from tests.pipeline.report.conftest import Run


def judged(*decisions: Any) -> list[Verdict]:
    return [
        Verdict(each.key, each.claim, True, decision, "", (Finding("f", decision, "Why.", {}),))
        for each, decision in zip(HYPOTHESES, decisions, strict=True)
    ]


def test_every_claim_has_its_phrases() -> None:
    assert list(PHRASES) == [each.key for each in HYPOTHESES]


@pytest.mark.parametrize(
    ("decisions", "headline"),
    [
        (
            ("confirmed", "confirmed", "confirmed"),
            "Convolution helps; 3×3 kernels beat 5×5; 5×5 kernels cost more",
        ),
        (
            ("confirmed", "undecided", "refuted"),
            "Convolution helps; 5×5 kernels do not cost more. Undecided: whether 3×3 kernels beat 5×5",
        ),
        (
            ("refuted", "refuted", "undecided"),
            "Convolution does not help; 3×3 kernels do not beat 5×5 as claimed. Undecided: whether 5×5 kernels "
            "cost more",
        ),
    ],
)
def test_the_headline_says_what_is_decided_and_what_is_not(decisions: Any, headline: str) -> None:
    assert make_headline(judged(*decisions)) == headline


def test_without_a_decision_there_is_no_such_headline() -> None:
    assert make_headline(judged("undecided", "undecided", "undecided")) is None


def test_a_card_has_the_claim_the_decision_and_the_reasons(run: Run) -> None:
    cards = make_cards(verdicts(run.analysis), primary=True)
    assert [card.claim for card in cards] == [each.claim for each in HYPOTHESES]
    assert (cards[0].decision, cards[0].symbol) == ("confirmed", "✓")
    assert "points higher than baseline's, mean of 3 seeds" in cards[0].sentences[0]
    assert (cards[2].decision, len(cards[1].sentences)) == ("refuted", 2) or cards[2].symbol in "✓✗?"


def test_explaining_claims_are_kept_apart(run: Run) -> None:
    further = make_cards(verdicts(run.analysis), primary=False)
    assert [card.claim for card in further] == [
        "The convolutional network with 5×5 kernels is more accurate than the dense baseline."
    ]
