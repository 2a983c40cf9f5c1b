"""The data set as it is published: four IDX files, checked one by one and against each other.

Run by normalize.py. Works on any set of 28×28 images with ten classes, so that tests can use subsets. Whether the
files are the published ones is decided by whoever uploads them; here their digests are recorded.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fashion_classes import CLASS_COUNT, IMAGE_SIDE
from idx import IdxError, IdxFile, read_idx
from job_failure import JobError

FULL_TRAIN_COUNT = 60_000
FULL_TEST_COUNT = 10_000
TRAIN_IMAGES = "train-images-idx3-ubyte"
TRAIN_LABELS = "train-labels-idx1-ubyte"
TEST_IMAGES = "t10k-images-idx3-ubyte"
TEST_LABELS = "t10k-labels-idx1-ubyte"


@dataclass(frozen=True)
class Labelled:
    """`pixels`: uint8, N×28×28; `labels`: uint8, N, each 0..9."""

    pixels: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.uint8]


@dataclass(frozen=True)
class RawData:
    """The published training and test sets. `sources`: SHA-256 of each file's decompressed bytes."""

    train: Labelled
    test: Labelled
    sources: dict[str, str]


def read_raw_data(folder: Path) -> RawData:
    """Read the four files from `folder`; each may be gzipped (`.gz`) or not.

    Raises:
        IdxError: a file is damaged, or the files do not belong together. The message names the file.
        JobError: a file is missing or cannot be read.
    """
    train_images, train_labels = _read_pair(folder, TRAIN_IMAGES, TRAIN_LABELS)
    test_images, test_labels = _read_pair(folder, TEST_IMAGES, TEST_LABELS)
    counts = (len(train_images.values), len(test_images.values))
    if counts == (FULL_TEST_COUNT, FULL_TRAIN_COUNT):
        raise IdxError(
            f"The training and test files in {folder} are swapped: there must be {FULL_TRAIN_COUNT} training "
            f"and {FULL_TEST_COUNT} test images, not {counts[0]} and {counts[1]}. Rename the files back."
        )
    return RawData(
        Labelled(train_images.values, train_labels.values),
        Labelled(test_images.values, test_labels.values),
        {
            TRAIN_IMAGES: train_images.sha256,
            TRAIN_LABELS: train_labels.sha256,
            TEST_IMAGES: test_images.sha256,
            TEST_LABELS: test_labels.sha256,
        },
    )


def _read_pair(folder: Path, images_name: str, labels_name: str) -> tuple[IdxFile, IdxFile]:
    images = read_idx(_find(folder, images_name), dimensions=3)
    if images.values.shape[1:] != (IMAGE_SIDE, IMAGE_SIDE):
        height, width = images.values.shape[1:]
        raise IdxError(
            f"{images.path}: images must be {IMAGE_SIDE}×{IMAGE_SIDE} pixels, not {height}×{width}."
        )
    labels = read_idx(_find(folder, labels_name), dimensions=1)
    wrong = np.flatnonzero(labels.values >= CLASS_COUNT)
    if wrong.size:
        raise IdxError(
            f"{labels.path}: labels must be 0..{CLASS_COUNT - 1}, not {labels.values[wrong[0]]} as at "
            f"position {wrong[0]} ({wrong.size} in all)."
        )
    if len(images.values) != len(labels.values):
        raise IdxError(
            f"There must be one label per image, not {len(labels.values)} labels in {labels.path} for "
            f"{len(images.values)} images in {images.path}. Have training and test files been swapped?"
        )
    return images, labels


def _find(folder: Path, name: str) -> Path:
    dotted = name.replace("-idx", ".idx")  # as Kaggle's packaging has it
    for path in (folder / f"{each}{ending}" for each in (name, dotted) for ending in (".gz", "")):
        try:
            if path.is_file():
                return path
            if path.exists() and not path.is_dir():
                raise JobError(
                    f"Could not read {path}: it is not a plain file but a pipe, a device or a socket. Put the file "
                    "itself there."
                )
        except OSError as error:  # a folder without permission to look into
            raise JobError(f"Could not look for {path}: {error.strerror}. Check its permissions.") from error
    raise JobError(
        f"There is no {name}.gz or {name} in {folder}{'' if folder.is_dir() else ', which does not exist'}. "
        "Check --input."
    )
