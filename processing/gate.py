"""The quality gate: may the winner be registered? The pipeline's condition reads the verdict."""

from dataclasses import asdict, dataclass
from typing import Any

from champion import Champion
from champion_comparison import ChampionComparison


@dataclass(frozen=True)
class ChampionPart:
    """What the champion has to say. `passed` is None when there is none, or none that could be scored.

    It decides only if it is `required`, and then only if it was scored: an old package that is gone must not keep
    new models out.
    """

    required: bool
    passed: bool | None
    reason: str


NO_CHAMPION = ChampionPart(False, None, "There is no champion to compare with.")


@dataclass(frozen=True)
class Gate:
    """`reason` is for people, and says the same as `passed`."""

    passed: bool
    reason: str
    min_accuracy: float
    champion: ChampionPart = NO_CHAMPION

    def to_json(self) -> dict[str, Any]:
        """As evaluation.json holds it; `verdict` is a string because conditions compare strings reliably."""
        return {
            "verdict": "passed" if self.passed else "missed",
            "passed": self.passed,
            "reason": self.reason,
            "min_accuracy": self.min_accuracy,
            "champion": asdict(self.champion),
        }


def decide(
    winner: str, test_accuracy: float, min_accuracy: float, champion: ChampionPart = NO_CHAMPION
) -> Gate:
    """Passed if the winner's test accuracy is at least `min_accuracy` (both 0..1), and no required part fails."""
    enough = test_accuracy >= min_accuracy
    reason = (
        f"{winner} reaches a test accuracy of {test_accuracy:.4f}, "
        f"{'at least' if enough else 'less than'} the required {min_accuracy:g}."
    )
    if champion.required:
        reason += f" {champion.reason}"
    refused = champion.required and champion.passed is False
    return Gate(enough and not refused, reason, min_accuracy, champion)


def judge_champion(
    champion: Champion | None, comparison: ChampionComparison | None, required: bool
) -> ChampionPart:
    """Not passed if the challenger is significantly worse: fewer right, and McNemar's exact p below 0.05.

    A challenger that is as good as the champion, or worse by no more than chance explains, passes.
    """
    if champion is None:
        return ChampionPart(required, None, NO_CHAMPION.reason)
    if comparison is None:
        return ChampionPart(
            required, None, f"The champion {champion.arn} could not be scored and decides nothing."
        )
    worse = comparison.significantly_worse
    return ChampionPart(
        required,
        not worse,
        f"{comparison.challenger} is {'' if worse else 'not '}significantly worse than the champion "
        f"{comparison.champion} on the same {comparison.images} test images: {comparison.challenger_accuracy:.4f} "
        f"against {comparison.champion_accuracy:.4f}, p = {comparison.p_value:.3g} (McNemar, exact).",
    )
