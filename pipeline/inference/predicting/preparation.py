"""Makes any image one like the data set's: grey, white on black, trimmed, its longer side 28 pixels, centred.

The steps are those that the data set itself was made by, but for its sharpening: trim edges whose brightness is
within 5 % of the corners', fit the longer side to 28, extend the shorter, negate, grey (H. Xiao, K. Rasul and
R. Vollgraf, "Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning Algorithms", 2017,
arXiv:1708.07747, section 2).
An image of 28×28 is taken for one that has been through them: only its brightness may have to be inverted.
"""

from __future__ import annotations

import struct
import warnings
from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from pipeline.inference.predicting.picture import SIDE, Picture, Pixels

Background = Literal["auto", "dark", "light"]

LIGHT = 127.5  # a border whose median is above this is a light background
CLOSE = 0.05 * 255  # what is within this of the border's median is background
_PART = 1 << 20  # pixels of a large picture, reckoned with at once
_UPRIGHT = 1
_ORIENTATION = 0x0112  # EXIF 2.32, tag Orientation


def prepare(image: Image.Image, source: str, background: Background = "auto") -> Picture:
    """`image` as the model takes it; `background` says whether it is light, or to look at the border."""
    notes: list[str] = []
    if image.format == "MPO":
        notes.append("the first of the pictures in the file")
    image = _upright(image, notes)
    grey = _grey(image, notes)
    inverted, why = _is_light(grey, background)
    if inverted:
        grey = 255 - grey
    notes += why
    if grey.shape != (SIDE, SIDE):
        grey = _fit(grey, notes)
    if grey.max() - grey.min() <= CLOSE:
        notes.append("it is of one brightness all over: there is nothing to recognize")
    return Picture(source, grey, tuple(notes), inverted)


def of_data_set(
    pixels: Pixels,
    source: str,
    background: Background,
    label: int | None = None,
    notes: tuple[str, ...] = (),
) -> Picture:
    """A row of an IDX file, which is as it is unless `background` says that it is light."""
    if background != "light":
        return Picture(source, pixels, notes, label=label)
    return Picture(source, 255 - pixels, ("inverted, as --background light says", *notes), True, label)


def _upright(image: Image.Image, notes: list[str]) -> Image.Image:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore"
            )  # Pillow's on damaged EXIF data, of which it then takes what it can
            orientation = image.getexif().get(_ORIENTATION, _UPRIGHT)
        if orientation in (0, _UPRIGHT):
            return image
        turned = ImageOps.exif_transpose(image)
    except (OSError, SyntaxError, ValueError, TypeError, EOFError, struct.error):
        notes.append("taken as it lies in the file, whose EXIF data are damaged")
        return image
    notes.append("turned upright, as its EXIF data say")
    return turned


def _grey(image: Image.Image, notes: list[str]) -> Pixels:
    """Grey values (ITU-R 601-2 luma), with transparent parts on a ground that they can be told from."""
    key = image.info.get("transparency")
    if image.mode.startswith("I"):  # 16 bits: Pillow would clip them
        deep = np.asarray(image)
        grey = (deep >> 8).clip(0, 255).astype(np.uint8)
        return (
            grey if key is None else _on_ground(grey, np.where(deep == key, 0, 255).astype(np.uint8), notes)
        )
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or key is not None:
        image = image.convert("RGBA")
        return _on_ground(np.asarray(image.convert("L")), np.asarray(image.getchannel("A")), notes)
    return np.asarray(image.convert("L"))


def _on_ground(grey: Pixels, opacity: Pixels, notes: list[str]) -> Pixels:
    """`grey` where it is opaque (255), on white where that is dark on the whole, else on black."""
    weight = int(opacity.sum(dtype=np.int64))
    if weight == 255 * opacity.size:
        return grey
    values, opacities, laid = grey.ravel(), opacity.ravel(), np.empty(grey.size, np.uint8)
    # A part at a time: decimals take many times the memory.
    parts = [slice(start, start + _PART) for start in range(0, grey.size, _PART)]
    total = sum(int((values[part].astype(np.int64) * opacities[part]).sum()) for part in parts)
    ground = np.float32(0 if weight and total / weight > LIGHT else 255)
    notes.append(f"its transparent parts were put on {'white' if ground else 'black'}")
    for part in parts:
        share = opacities[part].astype(np.float32) / np.float32(255)
        laid[part] = (values[part] * share + ground * (1 - share)).round()
    return laid.reshape(grey.shape)


def _is_light(grey: Pixels, background: Background) -> tuple[bool, Sequence[str]]:
    """Whether to invert, and why; nothing to say where nothing was done."""
    if background != "auto":
        return background == "light", (
            ["inverted, as --background light says"] if background == "light" else []
        )
    brightness = float(np.median(_border(grey)))
    if brightness <= LIGHT:
        return False, []
    return True, [
        f"light background (the border's brightness is {brightness:.0f} of 255), so it was inverted: the model was "
        "trained on white on black; --background dark leaves it as it is"
    ]


def _border(grey: Pixels) -> npt.NDArray[np.uint8]:
    """The outermost ring of pixels."""
    return np.concatenate([grey[0], grey[-1], grey[1:-1, 0], grey[1:-1, -1]])


def _fit(grey: Pixels, notes: list[str]) -> Pixels:
    """Trimmed, its longer side resampled to 28, in the middle of 28×28."""
    height, width = grey.shape
    ground = float(np.median(_border(grey)))
    differs = (grey < ground - CLOSE) | (grey > ground + CLOSE)
    rows, columns = np.flatnonzero(differs.any(axis=1)), np.flatnonzero(differs.any(axis=0))
    if len(rows):
        grey = grey[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    trimmed = "" if grey.shape == (height, width) else f", trimmed to {grey.shape[1]}×{grey.shape[0]}"
    scale = SIDE / max(grey.shape)
    size = (max(1, round(grey.shape[1] * scale)), max(1, round(grey.shape[0] * scale)))
    small = np.asarray(Image.fromarray(grey).resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0))
    fitted = np.full((SIDE, SIDE), round(ground), np.uint8)
    top, left = (SIDE - small.shape[0]) // 2, (SIDE - small.shape[1]) // 2
    fitted[top : top + small.shape[0], left : left + small.shape[1]] = small
    notes.append(f"{width}×{height}{trimmed}, resampled to {SIDE}×{SIDE}")
    return fitted
