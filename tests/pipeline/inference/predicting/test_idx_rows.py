"""Rows of IDX files are named by number, and the whole file is checked."""

import gzip
import os
import struct
from pathlib import Path

import numpy as np
import pytest

from pipeline.inference.predicting.idx_rows import MAX_ROWS, Labels, parse_rows, read_labels, read_rows
from pipeline.inference.predicting.picture import ImageError
from pipeline.inference.predicting.reading import read_pictures
from tests.conftest import write_idx

IMAGES = np.random.default_rng(0).integers(0, 256, (2000, 28, 28), dtype=np.uint8)
LABELS = np.arange(2000, dtype=np.uint8) % 10


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    folder = tmp_path_factory.mktemp("idx")
    write_idx(folder / "t10k-images-idx3-ubyte.gz", IMAGES)
    write_idx(folder / "t10k-labels-idx1-ubyte.gz", LABELS)
    return folder / "t10k-images-idx3-ubyte.gz"


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("a.gz#17", ("a.gz", (17,))),
        ("a.gz#0-3", ("a.gz", (0, 1, 2, 3))),
        ("a.gz#3,17-19,3", ("a.gz", (3, 17, 18, 19, 3))),
        ("folder#2/a#5", ("folder#2/a", (5,))),
        ("a.png", None),
        ("a#b", None),
        ("a#", None),
        ("#5", None),
    ],
)
def test_rows_are_named_behind_the_file(argument, expected):
    assert parse_rows(argument) == expected


@pytest.mark.parametrize(
    "argument", ["a#5-3", f"a#0-{MAX_ROWS}", "a#0-99999999999999999999", f"a#7,0-{MAX_ROWS - 1}"]
)
def test_a_range_that_makes_no_sense_is_refused(argument):
    with pytest.raises(ImageError, match="must be ranges like 0-9"):
        parse_rows(argument)


@pytest.mark.parametrize("argument", [f"a#{'1' * 5000}", f"a#3,1-{'1' * 5000}"])
def test_a_number_of_thousands_of_digits_is_refused_in_a_short_message(argument):
    with pytest.raises(ImageError, match=r"must be ranges like 0-9.*…") as error:
        parse_rows(argument)
    assert len(str(error.value)) < 200


def test_only_the_digits_0_to_9_name_rows():
    assert parse_rows("a#\u0661\u0667") is None


def test_the_rows_and_their_labels_are_read(file):
    rows = (0, 1999, 7, 1337, 7)
    assert np.array_equal(np.stack(read_rows(file, rows, "t10k")), IMAGES[list(rows)])
    assert read_labels(file, rows) == Labels(tuple(LABELS[list(rows)]))


def test_an_unpacked_file_is_read_too(file, tmp_path):
    plain = tmp_path / "t10k-images-idx3-ubyte"
    plain.write_bytes(gzip.decompress(file.read_bytes()))
    assert np.array_equal(read_rows(plain, (5,), "t10k")[0], IMAGES[5])
    assert read_labels(plain, (5,)) == Labels(None)
    (tmp_path / "t10k-labels-idx1-ubyte.gz").write_bytes(
        (file.parent / "t10k-labels-idx1-ubyte.gz").read_bytes()
    )
    assert read_labels(plain, (5,)) == Labels((LABELS[5],))


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        ("t10k-images.idx3-ubyte", "t10k-labels.idx1-ubyte"),
        ("t10k-images.idx3-ubyte", "t10k-labels.idx1-ubyte.gz"),
        ("my-images-idx3-ubyte.gz", "my-labels-idx1-ubyte"),
    ],
)
def test_the_labels_lie_beside_images_of_any_packaging(images, labels, file, tmp_path):
    (tmp_path / images).write_bytes(file.read_bytes())
    (tmp_path / labels).write_bytes((file.parent / "t10k-labels-idx1-ubyte.gz").read_bytes())
    assert read_labels(tmp_path / images, (5,)) == Labels((LABELS[5],))


def test_images_of_another_name_have_no_labels_whatever_lies_beside_them(file, tmp_path):
    plain = tmp_path / "shirts"
    plain.write_bytes(gzip.decompress(file.read_bytes()))
    (tmp_path / "shirts.gz").write_bytes(file.read_bytes())
    for path in (plain, tmp_path / "shirts.gz"):
        assert np.array_equal(read_rows(path, (5,), "shirts")[0], IMAGES[5])
        assert read_labels(path, (5,)) == Labels(None)


def test_labels_that_cannot_be_read_cost_no_more_than_the_true_class(file, tmp_path):
    images, labels = tmp_path / "t10k-images-idx3-ubyte", tmp_path / "t10k-labels-idx1-ubyte"
    images.write_bytes(file.read_bytes())
    too_few = b"\0\0\x08\x01" + struct.pack(">I", 3) + bytes(3)
    for content in (b"", b"no IDX data", too_few, file.read_bytes()):
        labels.write_bytes(content)
        found = read_labels(images, (5,))
        assert found.values is None
        assert found.note is not None
        assert found.note.startswith(f"without its true class (Could not read rows of {labels}, an IDX file ")
    labels.unlink()
    os.mkfifo(labels)
    note = read_labels(images, (5,)).note
    assert note is not None
    assert "a pipe, not a plain file" in note
    (picture,) = read_pictures([f"{images}#5"])
    assert (picture.label, picture.notes) == (None, (note,))


def test_pipes_devices_and_folders_are_named_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "t10k")
    assert ": a pipe, not a plain file." in refused(tmp_path / "t10k")
    assert ": a device, not a plain file." in refused(Path("/dev/zero"))
    assert ": a folder, not a plain file." in refused(tmp_path)


def refused(path, rows=(0,)):
    with pytest.raises(
        ImageError, match=r"Could not read rows of t10k, an IDX file of 28×28 images"
    ) as error:
        read_rows(path, rows, "t10k")
    return str(error.value)


def test_a_row_that_is_not_there_is_told_with_those_there_are(file):
    assert "there is no row 2000. The file has rows 0 to 1999." in refused(file, (3, 2000))


@pytest.mark.parametrize(
    ("content", "received"),
    [
        (b"", r"it begins with the bytes \(none\)"),
        (b"\x00\x00\x08\x01" + struct.pack(">I", 1) + b"\x05", "it begins with the bytes 00 00 08 01"),
        (b"\x00\x00\x08\x03\x00\x00", "ends within its header"),
        (b"\x00\x00\x08\x03" + struct.pack(">III", 1, 32, 32) + bytes(1024), "its images are 32×32"),
        (b"\x00\x00\x08\x03" + struct.pack(">III", 3, 28, 28) + bytes(800), "ends in row 1 of 3"),
        (
            b"\x00\x00\x08\x03" + struct.pack(">III", 2**32 - 1, 28, 28) + bytes(784),
            "ends in row 1 of 4294967295",
        ),
        (b"\x00\x00\x08\x03" + struct.pack(">III", 1, 28, 28) + bytes(785), "more than the 1 rows"),
    ],
)
def test_a_damaged_file_is_refused(content, received, tmp_path):
    import re

    for packed in (content, gzip.compress(content)):
        (tmp_path / "t10k").write_bytes(packed)
        assert re.search(received, refused(tmp_path / "t10k"))


def test_damaged_gzip_data_are_refused(file, tmp_path):
    content = file.read_bytes()
    (tmp_path / "cut").write_bytes(content[: len(content) // 2])
    assert "gzip data" in refused(tmp_path / "cut")
    (tmp_path / "changed").write_bytes(content[:-6] + bytes([content[-6] ^ 1]) + content[-5:])
    assert "gzip data" in refused(tmp_path / "changed")
