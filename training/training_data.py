"""Reading the processed training and validation splits, checked against their manifest.

train.py calls this. The test split is none of a training job's inputs: there is no code here to read it.
"""

import hashlib
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from training_failure import DataError, while_doing

SCHEMA_VERSION = 1
IMAGE_SHAPE = (28, 28, 1)
CLASS_COUNT = 10
_CHUNK = 4096  # images that are looked at together: 13 MB
_AGAIN = "Fetch the processed data again, or run NormalizeData again."


@dataclass(frozen=True)
class Split:
    """`pixels`: uint8, N×28×28×1, a quarter of the normalized images' size; `labels`: uint8, N, each 0..9."""

    pixels: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.uint8]


@dataclass(frozen=True)
class TrainingData:
    """What a model is fitted to and measured on.

    `mean`, `std`: of the training split's pixels scaled to [0, 1]. `digest`: SHA-256 of manifest.json.
    """

    train: Split
    validation: Split
    class_names: tuple[str, ...]
    mean: float
    std: float
    digest: str

    @property
    def levels(self) -> npt.NDArray[np.float32]:
        """The normalized value of every grey level: `levels[pixels]` are the stored images, to the bit."""
        return grey_levels(self.mean, self.std)


def grey_levels(mean: float, std: float) -> npt.NDArray[np.float32]:
    """The 256 grey levels, normalized; rounded once from float64, as NormalizeData does."""
    return ((np.arange(256) / 255 - mean) / std).astype(np.float32)


def load_training_data(train: Path, validation: Path, manifest: Path) -> TrainingData:
    """Open the two splits in folders `train` and `validation`; `manifest` is the folder of manifest.json.

    Raises:
        DataError: a file is missing, its SHA-256 is not the manifest's, or it holds no such array.
        TrainingError: a file cannot be read.
    """
    path = manifest / "manifest.json"
    _expect_file(path)
    with while_doing(f"read {path}"):
        content = path.read_bytes()
    document = _parse(content, path)
    mean, std = (float(document["normalization"][name]) for name in ("mean", "std"))
    return TrainingData(
        train=_read_split("train", train, document, mean, std),
        validation=_read_split("validation", validation, document, mean, std),
        class_names=tuple(document["class_names"]),
        mean=mean,
        std=std,
        digest=hashlib.sha256(content).hexdigest(),
    )


def _parse(content: bytes, path: Path) -> dict[str, Any]:
    try:
        document = json.loads(content)
        expected = {
            "schema_version": SCHEMA_VERSION,
            "image_shape": list(IMAGE_SHAPE),
            "classes": CLASS_COUNT,
            "mean and std": "finite numbers, std above 0",
        }
        mean, std = (float(document["normalization"][name]) for name in ("mean", "std"))
        fit = math.isfinite(mean) and math.isfinite(std) and std > 0
        received = {
            "schema_version": document["schema_version"],
            "image_shape": document["image_shape"],
            "classes": len(document["class_names"]),
            "mean and std": expected["mean and std"] if fit else (mean, std),
        }
        for split in ("train", "validation"):
            _ = document["splits"][split]["count"], document["splits"][split]["class_counts"]
            _ = [document["files"][f"{split}/{name}.npy"]["sha256"] for name in ("images", "labels")]
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{path} is not the manifest that NormalizeData writes ({type(error).__name__}: {error}). "
            f"{_AGAIN}"
        ) from error
    if received != expected:
        raise DataError(f"{path} must have {expected}, not {received}. {_AGAIN}")
    return document  # type: ignore[no-any-return]


def _read_split(name: str, folder: Path, manifest: dict[str, Any], mean: float, std: float) -> Split:
    count = manifest["splits"][name]["count"]
    files = {file: folder / f"{file}.npy" for file in ("images", "labels")}
    for file, path in files.items():
        _check_digest(path, manifest["files"][f"{name}/{file}.npy"]["sha256"])
    pixels = _read_pixels(files["images"], count, mean, std)
    labels = _open_array(files["labels"], np.dtype(np.uint8), (count,))
    found = np.bincount(labels, minlength=CLASS_COUNT).tolist()
    expected = manifest["splits"][name]["class_counts"]
    if count < 1 or found != expected:
        raise DataError(
            f"{folder} must have at least one image and the class counts {expected}, not {count} images and "
            f"the class counts {found}. {_AGAIN}"
        )
    return Split(pixels, labels)


def _read_pixels(path: Path, count: int, mean: float, std: float) -> npt.NDArray[np.uint8]:
    """The pixels of which the file has the normalized images."""
    stored = _open_array(path, np.dtype(np.float32), (count, *IMAGE_SHAPE))
    levels = grey_levels(mean, std)
    scale, shift = np.float32(std * 255), np.float32(mean * 255)
    pixels = np.empty(stored.shape, np.uint8)
    for start in range(0, count, _CHUNK):
        images, part = stored[start : start + _CHUNK], pixels[start : start + _CHUNK]
        # The nearest level; whether the image has that very value is looked up.
        part[...] = np.nan_to_num(np.rint(images * scale + shift)).clip(0, 255)
        other = np.flatnonzero((levels[part] != images).any(axis=(1, 2, 3)))
        if other.size:
            raise DataError(
                f"Reading {path}: image {start + other[0]} is not made of the grey levels 0 to 255, normalized "
                f"with the manifest's mean ({mean}) and std ({std}). {_AGAIN}"
            )
    return pixels


def _check_digest(path: Path, expected: str) -> None:
    _expect_file(path)
    with while_doing(f"read {path}"), path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != expected:
        raise DataError(
            f"The SHA-256 of {path} must be {expected}, as the manifest says, not {found}. {_AGAIN}"
        )


def _open_array(path: Path, dtype: np.dtype[Any], shape: tuple[int, ...]) -> npt.NDArray[Any]:
    with while_doing(f"read {path}"):
        try:
            array = np.load(path, mmap_mode="r", allow_pickle=False)
        except (ValueError, EOFError) as error:  # a pickle, or no array at all
            raise DataError(f"{path} is not an NPY array: {error}. {_AGAIN}") from error
    if array.dtype != dtype or array.shape != shape:
        raise DataError(f"{path} must be {dtype} {shape}, not {array.dtype} {array.shape}. {_AGAIN}")
    return array  # type: ignore[no-any-return]


def _expect_file(path: Path) -> None:
    if not path.is_file():
        raise DataError(
            f"There is no file {path}. Check --train, --validation and --manifest, or run NormalizeData "
            "again."
        )
