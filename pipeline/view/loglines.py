"""Reads the progress that training/train.py writes to its log; every other line means nothing here.

epoch=1/3 train_loss=0.5123 train_accuracy=0.8123 validation_loss=0.4100 … images_per_second=2050 seconds=26.9
progress=0.37 epoch=2/3 images=20352/55000 loss=0.4312
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

# What lines of jobs with several hosts begin with; only one of the hosts tells the progress.
_HOST = re.compile(r"^\[algo-[0-9]+\] ")
_PAIR = re.compile(r"([a-z_]+)=(\S+)")
_RATIO = re.compile(r"([0-9]{1,12})/([0-9]{1,12})")


@dataclass(frozen=True)
class EpochLine:
    """Epoch `epoch` of `epochs` has ended with these metrics, by the names in the line; NaN is a value, too."""

    epoch: int
    epochs: int
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class ProgressLine:
    """`fraction` (0..1) of the whole training is done; the epoch running is `epoch` of `epochs`, where told."""

    fraction: float
    epoch: int | None
    epochs: int | None
    metrics: Mapping[str, float]


def parse_line(line: str) -> EpochLine | ProgressLine | None:
    """What a log line says about progress, None when it says nothing. Takes any text and never raises."""
    line = _HOST.sub("", line.strip())
    if not line.startswith(("epoch=", "progress=")):
        return None
    pairs = dict(_PAIR.findall(line))
    metrics = {name: value for name, text in pairs.items() if (value := _number(text)) is not None}
    epoch, epochs = _ratio(pairs.get("epoch", ""))
    if line.startswith("epoch="):
        if epoch is None or epochs is None:
            return None
        return EpochLine(epoch, epochs, metrics)
    fraction = metrics.pop("progress", math.nan)
    if not 0 <= fraction <= 1:
        return None
    return ProgressLine(fraction, epoch, epochs, metrics)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _ratio(text: str) -> tuple[int, int] | tuple[None, None]:
    """The two numbers of "2/3", when they can be the number of an epoch and of all epochs."""
    match = _RATIO.fullmatch(text)
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        return None, None
    return int(match[1]), int(match[2])
