import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from training_data import TrainingData, load_training_data
from training_failure import DataError

Write = Callable[..., Path]


def load(folder: Path) -> TrainingData:
    return load_training_data(folder / "train", folder / "validation", folder)


def replace(folder: Path, name: str, array: Any) -> None:
    """Store another array under `name`, with a manifest that agrees."""
    np.save(folder / name, array, allow_pickle=True)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"][name]["sha256"] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest))


def test_the_splits_are_read_as_the_manifest_describes_them(write_banded: Write) -> None:
    folder = write_banded()
    data = load(folder)
    assert data.train.pixels.shape == (200, 28, 28, 1)
    assert data.train.pixels.dtype == np.uint8
    for name, split in (("train", data.train), ("validation", data.validation)):
        stored = np.load(folder / name / "images.npy")
        assert data.levels[split.pixels].tobytes() == stored.tobytes()
    assert data.validation.labels.tolist() == np.load(folder / "validation/labels.npy").tolist()
    assert data.digest == hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest()
    assert len(data.class_names) == 10


@pytest.mark.parametrize("name", ["train/images.npy", "train/labels.npy", "validation/labels.npy"])
def test_a_flipped_bit_is_found(write_banded: Write, name: str) -> None:
    path = write_banded() / name
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"SHA-256 of .* must be .*, not "):
        load(path.parents[1])


def test_swapped_splits_are_found(write_banded: Write) -> None:
    folder = write_banded()
    with pytest.raises(DataError, match=r"SHA-256 of .* must be"):
        load_training_data(folder / "validation", folder / "train", folder)


@pytest.mark.parametrize("name", ["manifest.json", "train/images.npy", "validation/labels.npy"])
def test_a_missing_file_is_named(write_banded: Write, name: str) -> None:
    folder = write_banded()
    (folder / name).unlink()
    with pytest.raises(DataError, match=name):
        load(folder)


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (lambda manifest: manifest.update(schema_version=2), "'schema_version': 2"),
        (lambda manifest: manifest.update(image_shape=[32, 32, 3]), r"\[32, 32, 3\]"),
        (lambda manifest: manifest["class_names"].append("Hat"), "'classes': 11"),
        (lambda manifest: manifest["normalization"].update(std=0.0), "'mean and std'"),
        (lambda manifest: manifest.pop("splits"), "KeyError: 'splits'"),
        (lambda manifest: manifest["splits"]["train"].update(class_counts=[200] + [0] * 9), "class counts"),
        (
            lambda manifest: manifest["splits"]["train"].update(count=199),
            r"must be float32 \(199, 28, 28, 1\)",
        ),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused(
    write_banded: Write, edit: Callable[[dict[str, Any]], object], told: str
) -> None:
    folder = write_banded(edit)
    with pytest.raises(DataError, match=told):
        load(folder)


def test_a_manifest_that_is_no_json_is_refused(write_banded: Write) -> None:
    folder = write_banded()
    (folder / "manifest.json").write_text("{")
    with pytest.raises(DataError, match="is not the manifest that NormalizeData writes"):
        load(folder)


def test_images_of_another_type_are_refused(write_banded: Write) -> None:
    folder = write_banded()
    replace(folder, "train/images.npy", np.zeros((200, 28, 28, 1), np.float64))
    with pytest.raises(DataError, match=r"must be float32 .*, not float64"):
        load(folder)


@pytest.mark.parametrize("value", [0.1234, np.nan, np.inf, -1e30])
def test_images_of_other_than_grey_levels_are_refused(write_banded: Write, value: float) -> None:
    folder = write_banded()
    images = np.load(folder / "train/images.npy")
    images[7, 3, 4] = value
    replace(folder, "train/images.npy", images)
    with pytest.raises(DataError, match="image 7 is not made of the grey levels 0 to 255"):
        load(folder)


def test_labels_of_an_eleventh_class_are_refused(write_banded: Write) -> None:
    folder = write_banded()
    replace(folder, "train/labels.npy", np.full(200, 10, np.uint8))
    with pytest.raises(DataError, match="class counts"):
        load(folder)


def test_a_pickle_is_not_opened(write_banded: Write) -> None:
    folder = write_banded()
    replace(folder, "train/labels.npy", np.array([{}] * 200, object))
    with pytest.raises(DataError, match="is not an NPY array"):
        load(folder)
