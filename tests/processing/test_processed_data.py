import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from processed_data import open_processed
from processed_manifest import ProcessedDataError, parse_manifest


@pytest.fixture
def processed(tmp_path: Path, synthetic_processed: Path) -> Path:
    return shutil.copytree(synthetic_processed, tmp_path / "processed")


def test_the_splits_are_opened_with_their_types(processed: Path) -> None:
    data = open_processed(processed)
    for name, count in {"train": 220, "validation": 20, "test": 60}.items():
        split = data.splits[name]
        assert isinstance(split.images, np.memmap)
        assert (split.images.dtype, split.images.shape) == (np.dtype(np.float32), (count, 28, 28, 1))
        assert (split.labels.dtype, split.labels.shape) == (np.dtype(np.uint8), (count,))


def test_the_digest_is_that_of_the_file(processed: Path) -> None:
    content = (processed / "manifest.json").read_bytes()
    manifest = parse_manifest(content, "manifest.json")
    assert manifest == open_processed(processed).manifest
    assert manifest.to_bytes() == content


@pytest.mark.parametrize("name", ["train/images.npy", "validation/labels.npy", "test/images.npy"])
def test_a_flipped_bit_anywhere_is_noticed_with_the_file_name(processed: Path, name: str) -> None:
    content = bytearray((processed / name).read_bytes())
    content[-5] ^= 1
    (processed / name).write_bytes(content)
    with pytest.raises(ProcessedDataError, match=f"{name} must have {len(content)} bytes with SHA-256"):
        open_processed(processed)


def test_a_truncated_file_is_noticed(processed: Path) -> None:
    path = processed / "test/labels.npy"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ProcessedDataError, match=r"test/labels.npy"):
        open_processed(processed)


def test_a_folder_without_manifest_is_unfinished(processed: Path) -> None:
    (processed / "manifest.json").unlink()
    with pytest.raises(ProcessedDataError, match="which NormalizeData writes last"):
        open_processed(processed)


def _set(*path: str, to: object) -> Callable[[dict[str, Any]], None]:
    def change(document: dict[str, Any]) -> None:
        for key in path[:-1]:
            document = document[key]
        document[path[-1]] = to

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_set("schema_version", to=2), "schema_version must be 1, not 2"),
        (_set("normalization", "std", to=0.0), "std=0.0"),
        (_set("normalization", "mean", to=float("nan")), "a field is missing or wrong"),
        (_set("splits", "test", "count", to=61), "counts of test"),
        (_set("splits", to={}), r"splits \[\]"),
        (_set("files", to={}), r"files \[\]"),
        (_set("class_names", to=["cat"] * 10), "the classes T-shirt/top"),
        (_set("image_shape", to=[32, 32, 3]), r"must describe \(28, 28, 1\) images"),
        (lambda document: document.pop("split_seed"), "KeyError 'split_seed'"),
    ],
)
def test_a_manifest_that_was_changed_is_refused(
    processed: Path, change: Callable[[dict[str, Any]], None], message: str
) -> None:
    path = processed / "manifest.json"
    document = json.loads(path.read_bytes())
    change(document)
    path.write_text(json.dumps(document, indent=2, sort_keys=True) + "\n")
    with pytest.raises(ProcessedDataError, match=message):
        open_processed(processed)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff"])
def test_a_manifest_that_is_no_json_object_is_refused(processed: Path, content: bytes) -> None:
    (processed / "manifest.json").write_bytes(content)
    with pytest.raises(ProcessedDataError, match=r"manifest\.json(: schema_version must| is not JSON)"):
        open_processed(processed)
