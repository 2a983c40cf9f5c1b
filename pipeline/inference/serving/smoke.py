"""A smoke test of whoever serves a model: how many images of a held sample it names right, and how fast it answers.

The images are the data set's test images, which no training has seen. Pure but for asking.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import FashionError, UsageError
from pipeline.formatting import percent
from pipeline.inference.predicting.fashion_classes import CLASS_NAMES
from pipeline.inference.predicting.picture import Picture
from pipeline.inference.predicting.reading import read_pictures
from pipeline.inference.serving.client import ask_model
from pipeline.inference.serving.transports import Transport

IMAGES_FILE = "t10k-images-idx3-ubyte.gz"
DEFAULT_IMAGES, DEFAULT_ACCURACY, DEFAULT_LATENCY_MS = 200, 0.8, 1000.0
# Single images whose answers are timed; the first answer, which may wait for a serverless one to wake, is not.
TIMED = 20


class SmokeFailed(FashionError):
    """What serves answers, and not well enough."""


@dataclass(frozen=True)
class Wanted:
    """What the test asks for: `images` of the sample, the share `accuracy` of them right, in `latency_ms`."""

    images: int = DEFAULT_IMAGES
    accuracy: float = DEFAULT_ACCURACY
    latency_ms: float = DEFAULT_LATENCY_MS

    def __post_init__(self) -> None:
        if not 1 <= self.images <= 10_000:
            raise UsageError(f"--images must be 1 to 10000 (got {self.images}).")
        if not 0 <= self.accuracy <= 1:
            raise UsageError(f"--min-accuracy must be between 0 and 1 (got {self.accuracy:g}).")
        if not self.latency_ms > 0:
            raise UsageError(f"--max-latency must be more than 0 ms (got {self.latency_ms:g}).")


@dataclass(frozen=True)
class Measured:
    """What came out. `latency_ms`: nine in ten answers to one image came within it, as seen from here."""

    images: int
    right: int
    latency_ms: float

    @property
    def accuracy(self) -> float:
        """The share that was right."""
        return self.right / self.images

    def __str__(self) -> str:
        return (
            f"{self.right} of {self.images} images right ({percent(self.accuracy)}), nine in ten answers within "
            f"{self.latency_ms:.0f} ms"
        )

    def as_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {"images": self.images, "accuracy": self.accuracy, "latency_p90_ms": self.latency_ms}

    def misses(self, wanted: Wanted) -> list[str]:
        """What was missed, a phrase each."""
        missed = []
        if self.accuracy < wanted.accuracy:
            missed.append(
                f"the accuracy is {percent(self.accuracy)}, below the {percent(wanted.accuracy)} required"
            )
        if self.latency_ms > wanted.latency_ms:
            missed.append(
                f"nine in ten answers took up to {self.latency_ms:.0f} ms, more than the "
                f"{wanted.latency_ms:g} ms allowed"
            )
        return missed


def held_sample(folder: Path, images: int) -> list[Picture]:
    """The first test images of the data set in a folder, with their classes.

    Raises:
        ImageError: the files are not there, or have not so many images.
        UsageError: there are no classes beside them.
    """
    pictures = read_pictures([f"{folder / IMAGES_FILE}#0-{images - 1}"], "dark")
    if any(picture.label is None for picture in pictures):
        raise UsageError(f"Could not test with {folder}: the file of labels is not beside the test images.")
    return pictures


def measure(
    transport: Transport, sample: Sequence[Picture], clock: Callable[[], float] = time.monotonic
) -> Measured:
    """Asks for every image of the sample, and for some of them one by one.

    Raises:
        AskingFailed: it cannot be asked, or its answer is not one of a model of this pipeline.
        CredentialsError, AwsError: AWS refuses, or cannot be reached.
    """
    pixels = np.stack([picture.pixels for picture in sample])
    classes = ask_model(transport, pixels, len(CLASS_NAMES)).argmax(axis=1)
    taken = []
    for index in range(min(TIMED, len(sample))):
        began = clock()
        ask_model(transport, pixels[index : index + 1], len(CLASS_NAMES))
        taken.append((clock() - began) * 1000)
    right = sum(int(found) == picture.label for found, picture in zip(classes, sample, strict=True))
    return Measured(len(sample), right, float(np.quantile(taken, 0.9)))


def check(measured: Measured, wanted: Wanted, name: str) -> None:
    """Raises SmokeFailed when something was missed."""
    if missed := measured.misses(wanted):
        raise SmokeFailed(f"{name} did not pass the smoke test: {'; '.join(missed)}.")
