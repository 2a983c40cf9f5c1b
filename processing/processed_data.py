"""Reading the processed data, checked: every file against the manifest's digest, shape, type and counts.

Run by evaluate.py. Images stay on disk (memory-mapped) until they are indexed.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fashion_classes import CLASS_COUNT, SPLITS
from job_failure import while_doing
from processed_manifest import IMAGE_SHAPE, Manifest, ProcessedDataError, parse_manifest

MANIFEST = "manifest.json"
_AGAIN = "Fetch the processed data again, or run NormalizeData again."


@dataclass(frozen=True)
class ProcessedSplit:
    """`images`: float32, N×28×28×1, memory-mapped and normalized; `labels`: uint8, N, each 0..9."""

    images: npt.NDArray[np.float32]
    labels: npt.NDArray[np.uint8]


@dataclass(frozen=True)
class ProcessedData:
    """The three splits, by name, and the manifest that they were checked against."""

    manifest: Manifest
    splits: dict[str, ProcessedSplit]


def open_processed(folder: Path) -> ProcessedData:
    """Open the processed data in `folder` and check all of it.

    Raises:
        ProcessedDataError: a file is missing, is not what the manifest says, or is no such array.
        JobError: a file cannot be read.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise ProcessedDataError(
            f"There is no {MANIFEST} in {folder}, which NormalizeData writes last. Check --processed, or run "
            "NormalizeData again."
        )
    with while_doing(f"read {path}"):
        manifest = parse_manifest(path.read_bytes(), str(path))
    for name, expected in manifest.files.items():
        _check_digest(folder / name, expected.sha256, expected.size)
    return ProcessedData(manifest, {name: _open_split(folder, name, manifest) for name in SPLITS})


def _check_digest(path: Path, sha256: str, size: int) -> None:
    with while_doing(f"read {path}"), path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
        found_size = file.tell()
    if (found, found_size) != (sha256, size):
        raise ProcessedDataError(
            f"{path} must have {size} bytes with SHA-256 {sha256}, as its manifest says, not {found_size} "
            f"bytes with {found}. {_AGAIN}"
        )


def _open_split(folder: Path, name: str, manifest: Manifest) -> ProcessedSplit:
    count = manifest.splits[name].count
    images = _open_array(folder / name / "images.npy", np.dtype(np.float32), (count, *IMAGE_SHAPE))
    labels = np.array(_open_array(folder / name / "labels.npy", np.dtype(np.uint8), (count,)))
    found = tuple(int(members) for members in np.bincount(labels, minlength=CLASS_COUNT))
    if found != manifest.splits[name].class_counts:
        raise ProcessedDataError(
            f"{folder / name} must have these images per class: {manifest.splits[name].class_counts}, not "
            f"{found}. {_AGAIN}"
        )
    return ProcessedSplit(images, labels)


def _open_array(path: Path, dtype: np.dtype[np.generic], shape: tuple[int, ...]) -> Any:
    with while_doing(f"read {path}"):
        try:
            array = np.load(path, mmap_mode="r", allow_pickle=False)
        except ValueError as error:  # a pickle, or no array at all
            raise ProcessedDataError(f"{path} is not an NPY array: {error}. {_AGAIN}") from error
    if array.dtype != dtype or array.shape != shape:
        raise ProcessedDataError(f"{path} must be {dtype} {shape}, not {array.dtype} {array.shape}. {_AGAIN}")
    return array
