"""The two decisions of an evaluation: which candidate wins, and whether it is good enough."""

from dataclasses import dataclass

import pytest

from gate import decide
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
