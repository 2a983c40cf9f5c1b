"""The quality gate: may the winner be registered? The pipeline's condition reads the verdict."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Gate:
    """`reason` is a sentence for people; it says the same as `passed`."""

    passed: bool
    reason: str
    min_accuracy: float

    def to_json(self) -> dict[str, Any]:
        """As evaluation.json holds it; `verdict` is a string because conditions compare strings reliably."""
        return {
            "verdict": "passed" if self.passed else "missed",
            "passed": self.passed,
            "reason": self.reason,
            "min_accuracy": self.min_accuracy,
        }


def decide(winner: str, test_accuracy: float, min_accuracy: float) -> Gate:
    """Passed if the winner's test accuracy is at least `min_accuracy` (both 0..1)."""
    passed = test_accuracy >= min_accuracy
    reason = (
        f"{winner} reaches a test accuracy of {test_accuracy:.4f}, "
        f"{'at least' if passed else 'less than'} the required {min_accuracy:g}."
    )
    return Gate(passed, reason, min_accuracy)
