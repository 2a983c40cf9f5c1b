"""Which candidate wins: the highest validation accuracy. The test split has no say."""

from collections.abc import Iterable
from typing import Protocol, TypeVar

METRIC = "validation_accuracy"
TIE_BREAK = ("params", "name", "seed")


class Contender(Protocol):
    """What the choice depends on."""

    @property
    def name(self) -> str:
        """The candidate's name."""

    @property
    def seed(self) -> int:
        """The seed it was trained from."""

    @property
    def params(self) -> int:
        """How many parameters it has."""

    @property
    def validation_accuracy(self) -> float:
        """Its accuracy on the validation split."""


C = TypeVar("C", bound=Contender)


def select(contenders: Iterable[C]) -> C:
    """The contender with the highest validation accuracy; among equals fewer parameters, then name, then seed.

    Raises:
        ValueError: there are no contenders.
    """
    return min(contenders, key=lambda one: (-one.validation_accuracy, one.params, one.name, one.seed))
