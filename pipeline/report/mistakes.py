"""Which classes the winner takes for which, from its confusion matrix. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Confusion:
    """`mistaken` of the `images` of class `true` were taken for class `taken`."""

    true: str
    taken: str
    mistaken: int
    images: int


def most_confused(matrix: Sequence[Sequence[int]], class_names: Sequence[str], limit: int) -> list[Confusion]:
    """The most frequent mistakes, at most `limit`; rows of `matrix` are true classes, columns predicted ones."""
    mistakes = [
        Confusion(class_names[true], class_names[taken], cell, sum(row))
        for true, row in enumerate(matrix)
        for taken, cell in enumerate(row)
        if true != taken and cell
    ]
    return sorted(mistakes, key=lambda mistake: -mistake.mistaken)[:limit]
