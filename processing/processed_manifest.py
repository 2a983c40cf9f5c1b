"""manifest.json of the processed data: what was made from what, and the digest of every file.

normalize.py writes it last, so a folder without one is not finished; whoever reads the data checks it first. It is
serialized without anything that differs between runs: the same input gives the same bytes, and the SHA-256 of
those bytes is the data digest that models and packages carry.
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from fashion_classes import CLASS_COUNT, CLASS_NAMES, IMAGE_SIDE, SPLITS
from job_failure import JobError
from normalization import Normalization

SCHEMA_VERSION = 1
IMAGE_SHAPE = (IMAGE_SIDE, IMAGE_SIDE, 1)
FILES = tuple(f"{split}/{name}" for split in SPLITS for name in ("images.npy", "labels.npy"))


class ProcessedDataError(JobError):
    """The processed data are missing, damaged, or of another schema version. The message names the file."""


@dataclass(frozen=True)
class SplitCounts:
    """How many images a split has, in all and per class."""

    count: int
    class_counts: tuple[int, ...]


@dataclass(frozen=True)
class FileDigest:
    """SHA-256 (hexadecimal) and size in bytes of one file."""

    sha256: str
    size: int


@dataclass(frozen=True)
class Manifest:
    """The content of manifest.json. `sources`: SHA-256 of each decompressed IDX file; `files`: by relative path."""

    normalization: Normalization
    split_seed: int
    validation_one_in: int
    splits: dict[str, SplitCounts]
    sources: dict[str, str]
    files: dict[str, FileDigest]

    def to_bytes(self) -> bytes:
        """The file's content: sorted keys, no timestamps."""
        document = {
            "schema_version": SCHEMA_VERSION,
            "image_shape": list(IMAGE_SHAPE),
            "class_names": list(CLASS_NAMES),
            "normalization": {"mean": self.normalization.mean, "std": self.normalization.std},
            "split_seed": self.split_seed,
            "validation_one_in": self.validation_one_in,
            "splits": {
                name: {"count": split.count, "class_counts": list(split.class_counts)}
                for name, split in self.splits.items()
            },
            "sources": self.sources,
            "files": {name: {"sha256": file.sha256, "bytes": file.size} for name, file in self.files.items()},
        }
        return (json.dumps(document, indent=2, sort_keys=True, allow_nan=False) + "\n").encode()

    @property
    def digest(self) -> str:
        """The data digest: SHA-256 of the file's bytes."""
        return hashlib.sha256(self.to_bytes()).hexdigest()


def parse_manifest(content: bytes, source: str) -> Manifest:
    """The manifest in `content`; `source` names it in messages.

    Raises:
        ProcessedDataError: not JSON, another schema version, other images or classes, a missing or wrong field, or
            bytes that `Manifest.to_bytes` would not have written (then the data digest would be ambiguous).
    """
    try:
        document = json.loads(content)
    except ValueError as error:
        raise ProcessedDataError(f"{source} is not JSON: {error}. {_AGAIN}") from error
    version = document.get("schema_version") if isinstance(document, dict) else None
    if version != SCHEMA_VERSION:
        raise ProcessedDataError(
            f"{source}: schema_version must be {SCHEMA_VERSION}, not {version!r}. {_AGAIN}"
        )
    try:
        manifest = _manifest(document)
        written = manifest.to_bytes()
    except (KeyError, TypeError, ValueError) as error:
        raise ProcessedDataError(
            f"{source}: a field is missing or wrong ({type(error).__name__} {error}). {_AGAIN}"
        ) from error
    if written != content:
        raise ProcessedDataError(
            f"{source} must describe {IMAGE_SHAPE} images of the classes {', '.join(CLASS_NAMES)}, exactly "
            f"as NormalizeData writes it. {_AGAIN}"
        )
    return manifest


_AGAIN = "Run NormalizeData again."


def _manifest(document: dict[str, Any]) -> Manifest:
    splits = {
        name: SplitCounts(int(split["count"]), tuple(int(count) for count in split["class_counts"]))
        for name, split in document["splits"].items()
    }
    files = {
        name: FileDigest(str(file["sha256"]), int(file["bytes"])) for name, file in document["files"].items()
    }
    if set(splits) != set(SPLITS) or set(files) != set(FILES):
        raise ValueError(f"splits {sorted(splits)}, files {sorted(files)}")
    for name, split in splits.items():
        if (
            len(split.class_counts) != CLASS_COUNT
            or sum(split.class_counts) != split.count
            or split.count < 1
        ):
            raise ValueError(f"counts of {name}: {split}")
    normalization = Normalization(
        float(document["normalization"]["mean"]), float(document["normalization"]["std"])
    )
    if not normalization.std > 0:
        raise ValueError(f"std={normalization.std}")
    return Manifest(
        normalization,
        int(document["split_seed"]),
        int(document["validation_one_in"]),
        splits,
        {str(name): str(digest) for name, digest in document["sources"].items()},
        files,
    )
