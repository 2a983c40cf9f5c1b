"""What a training is told: one frozen, validated set of values, and the flags that they arrive as.

SageMaker hands hyperparameters over as strings, so the flags take strings, and `parse` says what is wrong with one.
"""

import argparse
import math
import re
from dataclasses import dataclass

from training_failure import UsageError

ARCHITECTURES = ("dense", "cnn", "resnet")
AUGMENTATIONS = ("none", "flip", "full")
FILTERS = (32, 64)


@dataclass(frozen=True)
class Hyperparameters:
    """Everything that decides the weights, apart from data and code.

    `kernel_size`: side of the convolutions' kernels in pixels, and `filters`: of each stage; for architecture cnn,
    None for the others. `learning_rate`: the peak of the schedule. `augmentation`: see augmentation.py. Raises
    UsageError for a value out of range.
    """

    candidate: str
    architecture: str
    kernel_size: int | None
    seed: int
    epochs: int
    batch_size: int
    learning_rate: float
    filters: tuple[int, int] | None = None
    augmentation: str = "none"
    label_smoothing: float = 0.0
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        _expect(
            re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9-]*", self.candidate) is not None,
            "candidate",
            "a name of letters, digits and hyphens",
            self.candidate,
        )
        _expect(
            self.architecture in ARCHITECTURES,
            "architecture",
            f"one of {', '.join(ARCHITECTURES)}",
            self.architecture,
        )
        if self.architecture == "cnn":
            odd = self.kernel_size is not None and 1 <= self.kernel_size <= 13 and self.kernel_size % 2 == 1
            _expect(odd, "kernel-size", "an odd number from 1 to 13 for architecture cnn", self.kernel_size)
            filters = self.filters or (0, 0)
            fit = all(1 <= each <= 1024 for each in filters)
            _expect(fit, "filters", "two whole numbers from 1 to 1024", ",".join(map(str, filters)))
        else:
            expected = f"none for architecture {self.architecture}, which has none to choose"
            _expect(self.kernel_size is None, "kernel-size", expected, self.kernel_size)
            _expect(self.filters is None, "filters", expected, self.filters)
        _expect(
            self.augmentation in AUGMENTATIONS,
            "augmentation",
            f"one of {', '.join(AUGMENTATIONS)}",
            self.augmentation,
        )
        _expect(
            0 <= self.label_smoothing < 1,
            "label-smoothing",
            "a number from 0 to below 1",
            self.label_smoothing,
        )
        _expect(0 <= self.weight_decay <= 1, "weight-decay", "a number from 0 to 1", self.weight_decay)
        _expect(0 <= self.seed < 2**32, "seed", "a whole number from 0 to 4294967295", self.seed)
        _expect(1 <= self.epochs <= 10_000, "epochs", "a whole number from 1 to 10000", self.epochs)
        _expect(
            1 <= self.batch_size <= 65_536, "batch-size", "a whole number from 1 to 65536", self.batch_size
        )
        finite = math.isfinite(self.learning_rate)
        _expect(
            finite and 0 < self.learning_rate <= 10,
            "learning-rate",
            "a number above 0 and at most 10",
            self.learning_rate,
        )


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add one flag a hyperparameter. Types are checked by `parse`, which sees all values at once."""
    group = parser.add_argument_group("hyperparameters")
    group.add_argument("--candidate", required=True, help="the candidate's name, for example cnn-3x3")
    group.add_argument("--architecture", required=True, help=f"one of {', '.join(ARCHITECTURES)}")
    group.add_argument("--kernel-size", metavar="N", help="side of the kernels in pixels (cnn only)")
    group.add_argument(
        "--filters", metavar="N,N", help="filters of the first and the second stage (cnn only; default 32,64)"
    )
    group.add_argument(
        "--augmentation",
        default="none",
        metavar="NAME",
        help=f"how training images are varied: {', '.join(AUGMENTATIONS)} (default none)",
    )
    group.add_argument(
        "--label-smoothing",
        metavar="X",
        default="0",
        help="share of the expected probability that is spread over all classes (default 0)",
    )
    group.add_argument(
        "--weight-decay",
        metavar="X",
        default="0",
        help="share of a kernel's weights, times the learning rate, that a step takes off (default 0)",
    )
    group.add_argument("--seed", metavar="N", default="0", help="seed of weights and data order (default 0)")
    # As in the pipeline's definition, which sets them all the same.
    group.add_argument("--epochs", metavar="N", default="12", help="passes over the data (default 12)")
    group.add_argument("--batch-size", metavar="N", default="128", help="images per step (default 128)")
    group.add_argument(
        "--learning-rate", metavar="X", default="0.006", help="peak of the schedule (default 0.006)"
    )


def parse(flags: argparse.Namespace) -> Hyperparameters:
    """The hyperparameters in parsed flags.

    Raises:
        UsageError: a value is no number, or out of range.
    """
    return Hyperparameters(
        candidate=flags.candidate,
        architecture=flags.architecture,
        kernel_size=None if flags.kernel_size is None else whole_number("kernel-size", flags.kernel_size),
        seed=whole_number("seed", flags.seed),
        epochs=whole_number("epochs", flags.epochs),
        batch_size=whole_number("batch-size", flags.batch_size),
        learning_rate=_number("learning-rate", flags.learning_rate),
        filters=_filters(flags.filters, flags.architecture),
        augmentation=flags.augmentation,
        label_smoothing=_number("label-smoothing", flags.label_smoothing),
        weight_decay=_number("weight-decay", flags.weight_decay),
    )


def whole_number(name: str, text: str) -> int:
    """The whole number in `text`, the value of the flag --`name`.

    Raises:
        UsageError: it is none.
    """
    _expect(re.fullmatch(r"-?[0-9]+", text) is not None, name, "a whole number", text)
    return int(text)


def _filters(text: str | None, architecture: str) -> tuple[int, int] | None:
    if text is None:
        return FILTERS if architecture == "cnn" else None
    _expect(
        re.fullmatch(r"[0-9]+,[0-9]+", text) is not None, "filters", "two whole numbers, as in 32,64", text
    )
    first, second = text.split(",")
    return int(first), int(second)


def _number(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise _refusal(name, "a number", text) from None


def _expect(met: bool, name: str, wanted: str, got: object) -> None:
    if not met:
        raise _refusal(name, wanted, got)


def _refusal(name: str, wanted: str, got: object) -> UsageError:
    return UsageError(
        f"{name} must be {wanted}, not {got!r}. Give another value for --{name}; train.py --help "
        "describes it."
    )
