"""How far a training is: the record of each epoch, and what it takes to go on."""

import math
from dataclasses import asdict, dataclass, field, fields
from typing import Any


@dataclass(frozen=True)
class EpochRecord:
    """One epoch, counted from 1.

    Accuracies are 0..1; `learning_rate` is the last step's; `images_per_second` is of training alone, `seconds` of
    training and measuring.
    """

    epoch: int
    train_loss: float
    train_accuracy: float
    validation_loss: float
    validation_accuracy: float
    learning_rate: float
    images_per_second: float
    seconds: float

    def line(self, epochs: int) -> str:
        """The log line of an epoch. Terminals and SageMaker's metric definitions parse it."""
        return (
            f"epoch={self.epoch}/{epochs} train_loss={self.train_loss:.4f} "
            f"train_accuracy={self.train_accuracy:.4f} validation_loss={self.validation_loss:.4f} "
            f"validation_accuracy={self.validation_accuracy:.4f} learning_rate={self.learning_rate:.6f} "
            f"images_per_second={self.images_per_second:.0f} seconds={self.seconds:.1f}"
        )


@dataclass
class Progress:
    """What it takes to go on, besides the variables of model and optimizer.

    `epoch`: how many are completed. Of the epoch that is running: `step`, how many steps are done; `images`, how
    many images they showed; `loss_sum` and `correct` over those; `seconds` they took.
    """

    epoch: int = 0
    step: int = 0
    images: int = 0
    loss_sum: float = 0.0
    correct: int = 0
    seconds: float = 0.0
    history: list[EpochRecord] = field(default_factory=list)

    def start_epoch(self, record: EpochRecord) -> None:
        """Close the epoch that was running with its `record`, and start the next."""
        self.epoch += 1
        self.step = self.images = self.correct = 0
        self.loss_sum = self.seconds = 0.0
        self.history.append(record)

    def line(self, epochs: int, count: int) -> str:
        """The log line within an epoch of `count` images; `progress` is of the whole training, 0..1."""
        done = (self.epoch * count + self.images) / (epochs * count)
        return (
            f"progress={done:.2f} epoch={self.epoch + 1}/{epochs} images={self.images}/{count} "
            f"loss={self.loss_sum / max(1, self.images):.4f}"
        )

    def to_json(self) -> dict[str, Any]:
        """Plain values; numbers keep every bit."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> "Progress":
        """The progress that `to_json` has turned into `document`.

        Raises:
            ValueError, TypeError, KeyError, AttributeError: it is not what `to_json` gives.
        """
        history = [EpochRecord(**record) for record in document["history"]]
        progress = cls(**{**document, "history": history})
        _check_numbers(progress)
        for record in history:
            _check_numbers(record)
        if [record.epoch for record in history] != list(range(1, progress.epoch + 1)):
            raise ValueError(
                f"it has records of {len(history)} epochs and says that {progress.epoch} are done"
            )
        return progress


def _check_numbers(document: Progress | EpochRecord) -> None:
    """Raises ValueError unless counts are whole numbers, and all numbers are finite and not negative."""
    for each in fields(document):
        value = getattr(document, each.name)
        if each.name == "history":
            continue
        numeric = (int,) if each.type is int else (int, float)
        if isinstance(value, bool) or not isinstance(value, numeric) or not 0 <= value < math.inf:
            raise ValueError(f"its {each.name} is {value!r}")
