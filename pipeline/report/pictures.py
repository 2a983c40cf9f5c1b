"""Test images as they stand in the page: read from gallery.npz, embedded as PNG."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.analysis.array_files import UNREADABLE

SIDE = 28


@dataclass(frozen=True)
class Picture:
    """An image as a data URI, and its description in words."""

    uri: str
    alt: str


class Gallery:
    """The images that the evaluation left for the report, by their index in the test split."""

    def __init__(self, pixels: dict[int, npt.NDArray[np.uint8]], problem: str = "") -> None:
        self._pixels = pixels
        self.problem = problem

    def __len__(self) -> int:
        return len(self._pixels)

    def picture(self, index: int, alt: str) -> Picture | None:
        """The test image with that index; None when it is not in the gallery."""
        pixels = self._pixels.get(index)
        return None if pixels is None else Picture(png_uri(pixels), alt)


def read_gallery(file: Path | None) -> Gallery:
    """The gallery in `file`; an empty one, with the `problem`, when there is none or it cannot be read."""
    if file is None:
        return Gallery({}, "This evaluation left no images for the report: it is older than the gallery.")
    try:
        with file.open("rb") as content, np.load(content, allow_pickle=False) as archive:
            indices, pixels = archive["indices_test"], archive["pixels_test"]
    except UNREADABLE as error:
        return Gallery(
            {}, f"The images cannot be shown: gallery.npz cannot be read ({type(error).__name__})."
        )
    if (
        indices.ndim != 1
        or indices.dtype.kind not in "iu"
        or pixels.dtype != np.uint8
        or pixels.shape != (len(indices), SIDE, SIDE)
    ):
        return Gallery(
            {}, "The images cannot be shown: gallery.npz holds something other than 28×28 grey images."
        )
    return Gallery({int(index): image for index, image in zip(indices, pixels, strict=True)})


def png_uri(pixels: npt.NDArray[Any]) -> str:
    """A grey image (uint8, H×W) as a PNG in a data URI; the same pixels give the same text."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
