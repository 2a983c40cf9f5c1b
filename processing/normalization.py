"""Scaling pixels to zero mean and unit variance, and the way back.

normalize.py fits it to the training split alone and applies it to all splits; evaluate.py takes it back, to hand
the served models raw pixels as a client would.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from job_failure import JobError

MAX_DEVIATION = 0.01  # grey levels; rounding float32 costs less than 0.0001


@dataclass(frozen=True)
class Normalization:
    """Mean and standard deviation of pixels that are scaled to [0, 1]."""

    mean: float
    std: float

    def apply(self, pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """(x/255 − mean)/std as float32, in the shape of `pixels`; computed in float64 once per grey level."""
        levels = (np.arange(256, dtype=np.float64) / 255 - self.mean) / self.std
        return levels.astype(np.float32)[pixels]

    def restore(self, images: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
        """The pixels (uint8) that `apply` has turned into `images`.

        Raises:
            JobError: `images` are not normalized pixels (further than 0.01 from a grey level of 0..255).
        """
        values = (images.astype(np.float64) * self.std + self.mean) * 255
        levels = np.clip(np.rint(values), 0, 255)
        deviation = float(np.abs(values - levels).max(initial=0))
        if not deviation <= MAX_DEVIATION:  # so written, NaN is refused too
            raise JobError(
                "Could not restore pixels from normalized images: every value must lie within "
                f"{MAX_DEVIATION} of a grey level 0..255, and one is off by {deviation:.3g} "
                f"(mean={self.mean}, std={self.std}). Run NormalizeData again: its manifest and images do "
                "not belong together."
            )
        return levels.astype(np.uint8)


def fit_normalization(chunks: Iterable[npt.NDArray[np.uint8]]) -> Normalization:
    """Mean and (population) standard deviation of all pixels of all chunks, as float64.

    Exact: the pixels are counted per grey level and summed as integers, so the result does not depend on how they
    are cut into chunks.

    Raises:
        JobError: all pixels are equal, so that nothing can be scaled.
    """
    counts = np.zeros(256, np.int64)
    for chunk in chunks:
        counts += np.bincount(chunk.reshape(-1), minlength=256)
    pixels = [int(count) for count in counts]
    total = sum(pixels)
    first = sum(level * count for level, count in enumerate(pixels))
    second = sum(level * level * count for level, count in enumerate(pixels))
    variance = total * second - first * first  # times total²
    if variance == 0:
        raise JobError(
            "Could not normalize: the pixels of the training images are all equal. Check the training "
            "images file."
        )
    return Normalization(first / (total * 255), math.sqrt(variance) / (total * 255))
