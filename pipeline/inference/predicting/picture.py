"""An image as the model takes it: 28×28 grey values, white on black, with what was done to it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.errors import UsageError

SIDE = 28
Pixels = npt.NDArray[np.uint8]


class ImageError(UsageError):
    """A file is not an image that can be classified. The message names it."""


@dataclass(frozen=True)
class Picture:
    """`pixels`: uint8, 28×28, the background 0. `notes` say what was done to the file's image, a sentence each.

    `source` is the argument it came from. `inverted`: dark and light were exchanged. `label`: the true class, where
    the data set's own file of labels lies beside the images.
    """

    source: str
    pixels: Pixels
    notes: tuple[str, ...] = ()
    inverted: bool = False
    label: int | None = None
