import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from idx import IdxError
from job_failure import JobError
from raw_data import read_raw_data

WriteSet = Callable[..., Path]


@pytest.mark.parametrize("compress", [True, False])
def test_the_four_files_are_read_gzipped_or_not(tmp_path: Path, write_set: WriteSet, compress: bool) -> None:
    raw = read_raw_data(write_set(tmp_path, compress=compress))
    assert raw.train.pixels.shape == (240, 28, 28)
    assert raw.train.labels.shape == (240,)
    assert raw.test.pixels.shape == (60, 28, 28)
    assert set(raw.sources) == {
        "train-images-idx3-ubyte",
        "train-labels-idx1-ubyte",
        "t10k-images-idx3-ubyte",
        "t10k-labels-idx1-ubyte",
    }


def test_the_names_of_kaggles_packaging_are_known(tmp_path: Path, write_set: WriteSet) -> None:
    folder = write_set(tmp_path)
    before = read_raw_data(folder)
    for path in list(folder.iterdir()):
        path.rename(path.with_name(path.name.replace("-idx", ".idx")))
        path.with_name(path.name.removesuffix(".gz")).mkdir()  # as the archive unpacks
    assert read_raw_data(folder).sources == before.sources


def test_a_pipe_is_named_and_not_waited_for(tmp_path: Path, write_set: WriteSet) -> None:
    folder = write_set(tmp_path)
    for path in folder.glob("t10k-labels*"):
        path.unlink()
    os.mkfifo(folder / "t10k-labels-idx1-ubyte")
    with pytest.raises(JobError, match=r"t10k-labels-idx1-ubyte: it is not a plain file but a pipe"):
        read_raw_data(folder)


def test_a_missing_file_is_named(tmp_path: Path, write_set: WriteSet) -> None:
    (write_set(tmp_path) / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(JobError, match=r"There is no t10k-labels-idx1-ubyte.gz or t10k-labels-idx1-ubyte"):
        read_raw_data(tmp_path)


def test_a_missing_folder_is_told_from_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(JobError, match="which does not exist"):
        read_raw_data(tmp_path / "nowhere")


def test_an_eleventh_class_is_refused_with_its_position(tmp_path: Path, write_set: WriteSet) -> None:
    labels = np.zeros(60, np.uint8)
    labels[17] = 10
    with pytest.raises(IdxError, match=r"t10k-labels.*not 10 as at position 17"):
        read_raw_data(write_set(tmp_path, test_labels=labels))


def test_images_of_another_size_are_refused(tmp_path: Path, write_set: WriteSet) -> None:
    with pytest.raises(IdxError, match=r"28×28 pixels, not 28×32"):
        read_raw_data(write_set(tmp_path, test_pixels=np.zeros((60, 28, 32), np.uint8)))


def test_one_label_per_image(tmp_path: Path, write_set: WriteSet) -> None:
    with pytest.raises(IdxError, match=r"239 labels in .*train-labels.* 240 images in .*train-images"):
        read_raw_data(write_set(tmp_path, train_labels=np.zeros(239, np.uint8)))


def test_swapped_images_files_are_noticed(tmp_path: Path, write_set: WriteSet) -> None:
    write_set(tmp_path)
    train, test = tmp_path / "train-images-idx3-ubyte.gz", tmp_path / "t10k-images-idx3-ubyte.gz"
    train.rename(tmp_path / "train")
    test.rename(train)
    (tmp_path / "train").rename(test)
    with pytest.raises(IdxError, match="Have training and test files been swapped"):
        read_raw_data(tmp_path)


def test_images_in_place_of_labels_are_noticed(tmp_path: Path, write_set: WriteSet) -> None:
    write_set(tmp_path)
    images = (tmp_path / "train-images-idx3-ubyte.gz").read_bytes()
    (tmp_path / "train-labels-idx1-ubyte.gz").write_bytes(images)
    with pytest.raises(IdxError, match=r"train-labels.*, not 3 \(images\)"):
        read_raw_data(tmp_path)


def test_the_full_sets_swapped_are_refused(tmp_path: Path, write_set: WriteSet) -> None:
    with pytest.raises(IdxError, match=r"training and test files in .* are swapped: .*, not 10000 and 60000"):
        read_raw_data(write_set(tmp_path, train=10_000, test=60_000, compress=False))
