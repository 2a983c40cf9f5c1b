"""The challenger against the champion, image by image on the same test images."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from candidate_evaluation import Evaluated
from exact_mcnemar import exact_p_value

ALPHA = 0.05  # two-sided


@dataclass(frozen=True)
class ChampionComparison:
    """`challenger_only` of `images` are right in the challenger alone, `champion_only` in the champion alone."""

    challenger: str
    champion: str
    images: int
    challenger_only: int
    champion_only: int
    challenger_accuracy: float
    champion_accuracy: float

    @property
    def difference(self) -> float:
        """Challenger's accuracy minus the champion's."""
        return (self.challenger_only - self.champion_only) / self.images

    @property
    def p_value(self) -> float:
        """Of McNemar's exact test, two-sided."""
        return exact_p_value(self.challenger_only, self.champion_only)

    @property
    def significantly_worse(self) -> bool:
        """The challenger is right less often, and by more than chance would explain."""
        return self.difference < 0 and self.p_value < ALPHA

    def to_json(self) -> dict[str, Any]:
        """The value of `champion.comparison` in evaluation.json."""
        return {
            "challenger": self.challenger,
            "images": self.images,
            "challenger_only": self.challenger_only,
            "champion_only": self.champion_only,
            "difference": self.difference,
            "p_value": self.p_value,
            "test": "McNemar, exact, two-sided",
            "alpha": ALPHA,
            "significantly_worse": self.significantly_worse,
        }


def compare(challenger: Evaluated, champion: Evaluated, labels: npt.NDArray[np.uint8]) -> ChampionComparison:
    """Compare two models that were scored on the test images with these `labels` (N)."""
    hits, others = (one.probabilities["test"].argmax(axis=1) == labels for one in (challenger, champion))
    return ChampionComparison(
        challenger=challenger.id,
        champion=champion.id,
        images=len(labels),
        challenger_only=int((hits & ~others).sum()),
        champion_only=int((~hits & others).sum()),
        challenger_accuracy=challenger.test_accuracy,
        champion_accuracy=champion.test_accuracy,
    )
