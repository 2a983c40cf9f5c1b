"""The results that the case study reports, and how a run's results stand to them.

Source: "Convolutional Neural Networks for Image Classification: Fashion-MNIST Case Study" (J. S. Velandia), which
gives a range of whole percents for each model and split.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Split = Literal["train", "validation", "test"]
Standing = Literal["below", "within", "above"]

SPLITS: tuple[Split, ...] = ("train", "validation", "test")
SPLIT_NAMES: Mapping[Split, str] = {"train": "training", "validation": "validation", "test": "test"}


@dataclass(frozen=True)
class Band:
    """A range of accuracies, both ends included, as fractions."""

    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.low * 100:.0f}–{self.high * 100:.0f} %"

    def standing(self, accuracy: float) -> Standing:
        """Where `accuracy` (a fraction) lies: below, within or above."""
        if accuracy < self.low:
            return "below"
        return "above" if accuracy > self.high else "within"


@dataclass(frozen=True)
class Reference:
    """One row of the case study's table."""

    title: str
    train: Band
    validation: Band
    test: Band

    def band(self, split: Split) -> Band:
        """The band of one split."""
        return {"train": self.train, "validation": self.validation, "test": self.test}[split]


REFERENCES: Mapping[str, Reference] = {
    "baseline": Reference("baseline", Band(0.88, 0.90), Band(0.85, 0.87), Band(0.86, 0.88)),
    "cnn": Reference("CNN", Band(0.93, 0.95), Band(0.91, 0.93), Band(0.91, 0.93)),
}


def reference_for(candidate: str) -> Reference | None:
    """The row that a candidate's name belongs to: `baseline`, or `cnn-` and anything. None when there is none."""
    return REFERENCES.get(candidate.partition("-")[0])


def standing(candidate: str, split: Split, accuracy: float) -> Standing | None:
    """How an accuracy (a fraction) stands to the case study's band; None where the study says nothing."""
    reference = reference_for(candidate)
    return None if reference is None else reference.band(split).standing(accuracy)
