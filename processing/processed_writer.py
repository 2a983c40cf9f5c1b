"""Writing the processed data: normalized images, labels and, last, the manifest.

Run by normalize.py. Images are normalized and written chunk by chunk, into a staging folder that takes its place by
renaming: whatever goes wrong, an unfinished file never bears a final name, and a finished older set stays whole.
"""

import hashlib
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from fashion_classes import CLASS_COUNT
from job_failure import while_doing
from normalization import Normalization
from processed_manifest import FILES, IMAGE_SHAPE, FileDigest, Manifest, SplitCounts
from raw_data import Labelled

MANIFEST = "manifest.json"
STAGING = ".unfinished"
CHUNK = 4096  # images: 3 MB raw, 13 MB as float32


@dataclass(frozen=True)
class Split:
    """The images of `source` at `indices` (int64, in the order to be written)."""

    source: Labelled
    indices: npt.NDArray[np.int64]

    def pixel_chunks(self) -> Iterator[npt.NDArray[np.uint8]]:
        """The pixels, uint8 n×28×28, at most CHUNK images at a time."""
        for start in range(0, len(self.indices), CHUNK):
            yield self.source.pixels[self.indices[start : start + CHUNK]]

    def labels(self) -> npt.NDArray[np.uint8]:
        """The labels, uint8."""
        return self.source.labels[self.indices]

    def counts(self) -> SplitCounts:
        """How many images there are, in all and per class."""
        per_class = np.bincount(self.labels(), minlength=CLASS_COUNT)
        return SplitCounts(len(self.indices), tuple(int(count) for count in per_class))


def write_processed(
    output: Path,
    splits: Mapping[str, Split],
    normalization: Normalization,
    *,
    split_seed: int,
    validation_one_in: int,
    sources: dict[str, str],
) -> Manifest:
    """Write all splits and the manifest into the folder `output`, replacing what an earlier run left there.

    Raises:
        JobError: the folder cannot be written, or the disk is full. Nothing half-written is left.
    """
    staging = output / STAGING
    try:
        with while_doing(f"write the processed data to {output}"):
            shutil.rmtree(staging, ignore_errors=True)
            files = {}
            for name, split in splits.items():
                (staging / name).mkdir(parents=True)
                files[f"{name}/images.npy"] = _write_images(
                    staging / name / "images.npy", split, normalization
                )
                files[f"{name}/labels.npy"] = _write_labels(staging / name / "labels.npy", split)
            counts = {name: split.counts() for name, split in splits.items()}
            manifest = Manifest(normalization, split_seed, validation_one_in, counts, sources, files)
            (staging / MANIFEST).write_bytes(manifest.to_bytes())
            _publish(staging, output)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return manifest


def _publish(staging: Path, output: Path) -> None:
    # Without a manifest the folder is unfinished: no reader can take old and new files for one set.
    (output / MANIFEST).unlink(missing_ok=True)
    for name in FILES:
        (output / name).parent.mkdir(exist_ok=True)
        (staging / name).replace(output / name)
    (staging / MANIFEST).replace(output / MANIFEST)


class _DigestingFile:
    """A file to write to, that knows the digest and the size of what was written."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self._size = 0

    def write(self, data: bytes | memoryview) -> int:
        self._digest.update(data)
        self._size += len(data)
        return self._file.write(data)

    def digest(self) -> FileDigest:
        return FileDigest(self._digest.hexdigest(), self._size)


def _write_images(path: Path, split: Split, normalization: Normalization) -> FileDigest:
    with path.open("xb") as raw:
        file = _DigestingFile(raw)
        shape = (len(split.indices), *IMAGE_SHAPE)
        # The NPY header by hand, as the array is never in memory as a whole.
        header = {"descr": "<f4", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        for pixels in split.pixel_chunks():
            images = np.ascontiguousarray(normalization.apply(pixels), "<f4")
            file.write(images.reshape(-1).view(np.uint8).data)
    return file.digest()


def _write_labels(path: Path, split: Split) -> FileDigest:
    with path.open("xb") as raw:
        file = _DigestingFile(raw)
        np.lib.format.write_array(file, split.labels(), allow_pickle=False)
    return file.digest()
