"""The two decisions of an evaluation: which candidate wins, and whether it is good enough."""

from dataclasses import dataclass

import pytest

from champion import Champion
from champion_comparison import ChampionComparison
from gate import ChampionPart, decide, judge_champion
from selection import select


@dataclass(frozen=True)
class Candidate:
    name: str
    seed: int
    params: int
    validation_accuracy: float


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        (Candidate("z", 9, 900, 0.92), Candidate("a", 0, 100, 0.91)),
        (Candidate("z", 9, 100, 0.91), Candidate("a", 0, 900, 0.91)),
        (Candidate("a", 9, 100, 0.91), Candidate("z", 0, 100, 0.91)),
        (Candidate("a", 2, 100, 0.91), Candidate("a", 10, 100, 0.91)),
    ],
    ids=["accuracy", "fewer parameters", "name", "seed"],
)
def test_the_order_of_preference(better: Candidate, worse: Candidate) -> None:
    assert select([better, worse]) is better
    assert select([worse, better]) is better


@pytest.mark.parametrize(
    ("accuracy", "passed"), [(0.9, True), (0.91, True), (0.8999, False), (0.0, False), (1.0, True)]
)
def test_the_required_accuracy_itself_passes(accuracy: float, passed: bool) -> None:
    gate = decide("cnn-3x3-0", accuracy, 0.9)
    assert gate.passed is passed
    assert gate.to_json()["verdict"] == ("passed" if passed else "missed")
    assert "cnn-3x3-0" in gate.reason
    assert ("at least" in gate.reason) is passed
    assert ("less than" in gate.reason) is not passed


ARN = "arn:aws:sagemaker:us-east-1:123456789012:model-package/fashion/3"


def compared(challenger_only: int, champion_only: int) -> ChampionComparison:
    right = 8_000
    return ChampionComparison(
        challenger="cnn-3x3-0",
        champion="baseline-1",
        images=10_000,
        challenger_only=challenger_only,
        champion_only=champion_only,
        challenger_accuracy=(right + challenger_only) / 10_000,
        champion_accuracy=(right + champion_only) / 10_000,
    )


@pytest.mark.parametrize(
    ("challenger_only", "champion_only", "worse"),
    [
        (50, 50, False),
        (50, 60, False),  # p = 0.39: chance
        (50, 90, True),
        (90, 50, False),
        (0, 0, False),
        (0, 5, False),  # p = 0.0625
        (0, 6, True),  # p = 0.03125
    ],
)
@pytest.mark.parametrize("required", [True, False])
def test_only_a_significantly_worse_challenger_fails_the_champions_part(
    challenger_only: int, champion_only: int, worse: bool, required: bool
) -> None:
    comparison = compared(challenger_only, champion_only)
    part = judge_champion(Champion(ARN, None), comparison, required)
    assert part.passed is not worse
    assert ("cnn-3x3-0 is significantly worse than the champion baseline-1" in part.reason) is worse
    gate = decide("cnn-3x3-0", comparison.challenger_accuracy, 0.5, part)
    assert gate.passed is not (worse and required)
    assert (part.reason in gate.reason) is required
    assert gate.to_json()["verdict"] == ("passed" if gate.passed else "missed")
    assert gate.to_json()["champion"] == {"required": required, "passed": not worse, "reason": part.reason}


@pytest.mark.parametrize(
    ("champion", "reason"),
    [
        (None, "There is no champion to compare with."),
        (Champion(ARN, None, "Gone."), f"The champion {ARN} could not be scored and decides nothing."),
    ],
)
def test_no_champion_and_one_that_cannot_be_read_let_a_good_model_pass_and_say_so(
    champion: Champion | None, reason: str
) -> None:
    part = judge_champion(champion, None, required=True)
    assert part == ChampionPart(True, None, reason)
    gate = decide("cnn-3x3-0", 0.92, 0.9, part)
    assert gate.passed
    assert gate.reason.endswith(f"at least the required 0.9. {reason}")


def test_a_challenger_that_beats_the_champion_still_needs_the_required_accuracy() -> None:
    gate = decide(
        "cnn-3x3-0", 0.809, 0.9, judge_champion(Champion(ARN, None), compared(90, 50), required=True)
    )
    assert not gate.passed
    assert "less than the required 0.9" in gate.reason
