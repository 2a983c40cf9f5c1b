"""What a model says of an image, as data: for the table, for JSON, and for every client that asks a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.inference.predicting.picture import Picture


@dataclass(frozen=True)
class Prediction:
    """`probabilities` (0 to 1) are in the order of `class_names`."""

    picture: Picture
    class_names: tuple[str, ...]
    probabilities: tuple[float, ...]

    @property
    def ranked(self) -> list[tuple[str, float]]:
        """Classes and their probabilities, the most probable first; equal ones in the order of their labels."""
        order = np.argsort(-np.asarray(self.probabilities), kind="stable")
        return [(self.class_names[label], self.probabilities[label]) for label in order]

    @property
    def true_class(self) -> str | None:
        """The class that the data set gives the image; None where it says none."""
        label = self.picture.label
        return None if label is None or label >= len(self.class_names) else self.class_names[label]

    def as_json(self, top: int) -> dict[str, Any]:
        """As plain JSON values, with the `top` most probable classes apart."""
        best, probability = self.ranked[0]
        return {
            "image": self.picture.source,
            "class_id": self.class_names.index(best),
            "class_name": best,
            "probability": probability,
            "top": [{"class_name": name, "probability": value} for name, value in self.ranked[:top]],
            "probabilities": dict(zip(self.class_names, self.probabilities, strict=True)),
            "true_class_name": self.true_class,
            "inverted": self.picture.inverted,
            "notes": list(self.picture.notes),
        }


def predictions_of(
    pictures: Sequence[Picture], class_names: tuple[str, ...], probabilities: npt.NDArray[np.floating[Any]]
) -> list[Prediction]:
    """One prediction an image; `probabilities` is N×classes."""
    return [
        Prediction(picture, class_names, tuple(float(value) for value in row))
        for picture, row in zip(pictures, probabilities, strict=True)
    ]
