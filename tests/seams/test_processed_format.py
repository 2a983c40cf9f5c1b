"""The processed data: processing writes it; processing and training read it, and refuse it once it is changed."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fashion_classes import CLASS_NAMES
from job_failure import JobError
from processed_data import open_processed
from processed_manifest import ProcessedDataError
from training_data import TrainingData, load_training_data
from training_failure import DataError, TrainingError


def read_for_training(folder: Path) -> TrainingData:
    return load_training_data(folder / "train", folder / "validation", folder)


READERS: dict[str, tuple[Callable[[Path], object], type[Exception]]] = {
    "processing": (open_processed, ProcessedDataError),
    "training": (read_for_training, DataError),
}


@pytest.fixture
def copy(processed: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(processed, tmp_path / "copy"))


def test_both_read_the_same_data(processed: Path) -> None:
    for_evaluation, for_training = open_processed(processed), read_for_training(processed)
    manifest = for_evaluation.manifest
    assert for_training.digest == manifest.digest
    assert (for_training.mean, for_training.std) == (manifest.normalization.mean, manifest.normalization.std)
    assert for_training.class_names == CLASS_NAMES
    for name in ("train", "validation"):
        theirs, ours = getattr(for_training, name), for_evaluation.splits[name]
        assert for_training.levels[theirs.pixels].tobytes() == np.asarray(ours.images).tobytes()
        assert np.array_equal(theirs.labels, ours.labels)
    assert (len(for_training.train.labels), len(for_training.validation.labels)) == (
        manifest.splits["train"].count,
        manifest.splits["validation"].count,
    )
    images = for_training.levels[for_training.train.pixels]
    assert abs(float(images.mean())) < 1e-3
    assert float(images.std()) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("name", ["train/images.npy", "train/labels.npy", "validation/images.npy"])
@pytest.mark.parametrize("position", [0, 100, -1])
def test_one_changed_byte_is_refused_with_the_files_name(
    name: str, position: int, reader: str, copy: Path
) -> None:
    content = bytearray((copy / name).read_bytes())
    content[position] ^= 1
    (copy / name).write_bytes(content)
    read, error = READERS[reader]
    with pytest.raises(error, match=name):
        read(copy)


def test_a_changed_test_split_is_refused_by_the_evaluation_which_alone_reads_it(copy: Path) -> None:
    content = bytearray((copy / "test" / "images.npy").read_bytes())
    content[-1] ^= 1
    (copy / "test" / "images.npy").write_bytes(content)
    read_for_training(copy)
    with pytest.raises(ProcessedDataError, match=r"test/images\.npy"):
        open_processed(copy)


@pytest.mark.parametrize("reader", READERS)
def test_a_changed_digest_in_the_manifest_is_refused(reader: str, copy: Path) -> None:
    text = (copy / "manifest.json").read_text()
    changed = re.sub(r'("validation/labels.npy": \{[^}]*"sha256": "[0-9a-f]{63})[0-9a-f]', r"\1x", text)
    assert changed != text
    (copy / "manifest.json").write_text(changed)
    read, error = READERS[reader]
    with pytest.raises(error, match=r"validation/labels\.npy"):
        read(copy)


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("name", ["manifest.json", "train/images.npy", "validation/labels.npy"])
def test_a_missing_file_is_named(name: str, reader: str, copy: Path) -> None:
    (copy / name).unlink()
    with pytest.raises((JobError, TrainingError), match=name):
        READERS[reader][0](copy)
