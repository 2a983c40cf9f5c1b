import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from idx import IdxError, read_idx
from job_failure import JobError

IMAGES = np.arange(3 * 28 * 28, dtype=np.uint8).reshape(3, 28, 28)


@pytest.fixture(scope="session")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("idx") / "some-idx3-ubyte"


@given(
    values=st_numpy.arrays(np.uint8, st_numpy.array_shapes(min_dims=1, max_dims=3, max_side=9)),
    compress=st.booleans(),
)
def test_values_come_back_as_written(
    scratch: Path, to_idx: Callable[..., bytes], values: np.ndarray, compress: bool
) -> None:
    content = to_idx(values)
    scratch.write_bytes(gzip.compress(content) if compress else content)
    read = read_idx(scratch, values.ndim)
    assert read.values.dtype == np.uint8
    np.testing.assert_array_equal(read.values, values)
    assert not read.values.flags.writeable


def test_the_digest_is_that_of_the_decompressed_bytes(tmp_path: Path, to_idx: Callable[..., bytes]) -> None:
    digests = set()
    for level in (0, 1, 9):
        path = tmp_path / f"{level}.gz"
        path.write_bytes(gzip.compress(to_idx(IMAGES), level) if level else to_idx(IMAGES))
        digests.add(read_idx(path, 3).sha256)
    assert len(digests) == 1


@given(share=st.floats(0, 1, exclude_max=True), compress=st.booleans())
def test_a_file_cut_anywhere_is_refused_with_its_name(
    scratch: Path, to_idx: Callable[..., bytes], share: float, compress: bool
) -> None:
    content = gzip.compress(to_idx(IMAGES)) if compress else to_idx(IMAGES)
    scratch.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(IdxError, match="some-idx3-ubyte"):
        read_idx(scratch, 3)


@given(position=st.integers(0, 15), bit=st.integers(0, 7))
def test_a_header_with_a_flipped_bit_is_refused(
    scratch: Path, to_idx: Callable[..., bytes], position: int, bit: int
) -> None:
    content = bytearray(to_idx(IMAGES))
    content[position] ^= 1 << bit
    scratch.write_bytes(content)
    with pytest.raises(IdxError, match="some-idx3-ubyte"):
        read_idx(scratch, 3)


@given(share=st.floats(0.01, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_gzip_file_with_a_flipped_bit_never_gives_other_values(
    scratch: Path, to_idx: Callable[..., bytes], share: float, bit: int
) -> None:
    content = bytearray(gzip.compress(to_idx(IMAGES)))
    content[int(len(content) * share)] ^= 1 << bit
    scratch.write_bytes(content)
    try:
        values = read_idx(scratch, 3).values
    except IdxError:
        return
    np.testing.assert_array_equal(values, IMAGES)  # gzip's time and operating system fields mean nothing


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not be empty"),
        (b"<!DOCTYPE html>", "must begin with the bytes 00 00 08 03, not 3c 21 44 4f"),
        (b"\x00\x00\x0d\x03" + bytes(12), r"IDX type 0x08\), not of type 0x0d"),
        (b"\x00\x00\x08\x01\x00\x00\x00\x01\x05", r", not 1 \(labels\). Have two files been"),
        (b"\x00\x00\x08\x03\x00\x00", "ends within its header"),
        (b"\x00\x00\x08\x03" + bytes(12), "holds no items"),
        (
            b"\x00\x00\x08\x03" + b"\xff" * 12 + b"a",
            "truncated: it has 1 of the 79228162458924105385300197375 bytes of values that its header announces",
        ),
        (b"\x00\x00\x08\x03" + b"\x00\x00\x00\x01" * 3 + b"ab", "has more than the"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "train-images-idx3-ubyte"
    path.write_bytes(content)
    with pytest.raises(IdxError, match=message):
        read_idx(path, 3)


def test_a_small_gzip_file_that_unpacks_to_more_than_its_header_says_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(b"\x00\x00\x08\x01\x00\x00\x00\x04" + bytes(20_000_000), 1))
    with pytest.raises(IdxError, match="the 4 bytes of values that its header announces"):
        read_idx(path, 1)


def test_a_folder_in_place_of_a_file_is_no_bug(tmp_path: Path) -> None:
    with pytest.raises(JobError, match="Is a directory"):
        read_idx(tmp_path, 3)
