"""What a folder of IDX files is accepted for, and what is said about one that is refused."""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipeline.dataset.check import (
    FILES,
    IdxFile,
    check_folder,
    data_digest_of_sources,
    digest_of,
    folder_fault,
    idx_files,
    published_files,
)
from pipeline.errors import DataError

NOBODY = 65534

CONTENTS = {file.name: bytes([number]) * (1000 + number) for number, file in enumerate(FILES)}
SMALL = tuple(
    IdxFile(name, len(content), hashlib.sha256(content).hexdigest()) for name, content in CONTENTS.items()
)
IMAGES = FILES[0].name
LABELS = FILES[1].name


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four small files, gzipped, which SMALL describes."""
    folder = tmp_path / "raw"
    folder.mkdir()
    for name, content in CONTENTS.items():
        (folder / f"{name}.gz").write_bytes(gzip.compress(content))
    return folder


def refusal(folder: Path, *, any_data: bool = False) -> str:
    with pytest.raises(DataError) as caught:
        check_folder(folder, SMALL, any_data=any_data)
    return str(caught.value)


@pytest.mark.parametrize("dotted", [False, True])
@pytest.mark.parametrize("ending", ["", ".gz"])
@pytest.mark.parametrize("packed", [False, True])
def test_every_packaging_is_accepted_and_gets_the_published_names(
    dotted: bool, ending: str, packed: bool, tmp_path: Path
) -> None:
    contents = {name: b"\0\0\x08" + content for name, content in CONTENTS.items()}
    files = [IdxFile(name, len(each), hashlib.sha256(each).hexdigest()) for name, each in contents.items()]
    for name, content in contents.items():
        # A folder of the very name of the file in it is what Kaggle's archive unpacks to.
        if dotted:
            (tmp_path / name).mkdir()
        spelt = (name.replace("-idx", ".idx") if dotted else name) + ending
        (tmp_path / spelt).write_bytes(gzip.compress(content) if packed else content)
    assert folder_fault(tmp_path, files) is None
    published = published_files(tmp_path)
    assert list(published) == [f"{name}.gz" if packed else name for name in CONTENTS]
    assert [path.name for path in published.values()] == [
        (name.replace("-idx", ".idx") if dotted else name) + ending for name in CONTENTS
    ]
    assert len(digest_of(tmp_path)) == 16


def test_a_pipe_or_socket_is_named_and_not_waited_for(folder: Path) -> None:
    os.mkfifo(folder / LABELS)
    (folder / f"{IMAGES}.gz").unlink()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(folder / IMAGES))
        message = refusal(folder)
    assert f"{LABELS}: a pipe, not a plain file" in message
    assert f"{IMAGES}: a socket, not a plain file" in message


def test_the_whole_data_set_is_accepted_gzipped_or_not(folder: Path) -> None:
    assert folder_fault(folder, SMALL) is None
    for name, content in CONTENTS.items():
        (folder / f"{name}.gz").unlink()
        (folder / name).write_bytes(content)
    assert folder_fault(folder, SMALL) is None


def test_a_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    message = refusal(tmp_path / "nowhere")
    assert f"{tmp_path}/nowhere: no such folder" in message
    assert "--data DIR" in message


def test_a_file_in_place_of_the_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "raw").write_text("not a folder")
    assert "raw: not a folder" in refusal(tmp_path / "raw")


def test_every_file_at_fault_is_named_in_one_message(folder: Path) -> None:
    (folder / f"{IMAGES}.gz").unlink()
    (folder / f"{LABELS}.gz").write_bytes(b"")
    message = refusal(folder)
    assert f"{IMAGES}.gz: missing" in message
    assert f"{LABELS}.gz: truncated: 0 bytes instead of 1,001" in message
    assert "t10k" not in message


def test_a_damaged_file_is_shown_with_the_expected_and_the_received_digest(folder: Path) -> None:
    flipped = bytes([CONTENTS[IMAGES][0] ^ 1]) + CONTENTS[IMAGES][1:]
    (folder / f"{IMAGES}.gz").write_bytes(gzip.compress(flipped))
    message = refusal(folder)
    assert f"{IMAGES}.gz: damaged" in message
    assert f"its SHA-256 must be {SMALL[0].sha256}, not {hashlib.sha256(flipped).hexdigest()}" in message


@pytest.mark.parametrize("position", [0, 20, -6])
def test_a_flipped_bit_in_a_gzip_stream_is_called_damage(folder: Path, position: int) -> None:
    path = folder / f"{IMAGES}.gz"
    content = bytearray(path.read_bytes())
    content[position] ^= 4
    path.write_bytes(content)
    assert re.search(rf"{IMAGES}\.gz: (truncated or )?damaged", refusal(folder))


def test_a_gzip_stream_that_breaks_off_is_called_truncated(folder: Path) -> None:
    path = folder / f"{IMAGES}.gz"
    path.write_bytes(path.read_bytes()[:-9])
    assert f"{IMAGES}.gz: truncated" in refusal(folder)


def test_an_uncompressed_file_that_breaks_off_is_called_truncated(folder: Path) -> None:
    (folder / f"{IMAGES}.gz").unlink()
    (folder / IMAGES).write_bytes(CONTENTS[IMAGES][:-1])
    assert f"{IMAGES}: truncated: 999 bytes instead of 1,000" in refusal(folder)


def test_a_longer_file_is_called_other_data(folder: Path) -> None:
    (folder / f"{IMAGES}.gz").write_bytes(gzip.compress(CONTENTS[IMAGES] + b"x"))
    assert f"{IMAGES}.gz: other data: 1,001 bytes instead of 1,000" in refusal(folder)


def test_swapped_files_are_recognized(folder: Path) -> None:
    (folder / f"{IMAGES}.gz").rename(folder / "aside")
    (folder / f"{LABELS}.gz").rename(folder / f"{IMAGES}.gz")
    (folder / "aside").rename(folder / f"{LABELS}.gz")
    message = refusal(folder)
    assert f"{IMAGES}.gz: swapped: this is {LABELS}" in message
    assert f"{LABELS}.gz: swapped: this is {IMAGES}" in message


def test_a_bad_copy_beside_a_good_one_is_refused(folder: Path) -> None:
    (folder / IMAGES).write_bytes(b"old")
    assert f"{IMAGES}: truncated" in refusal(folder)


def test_other_data_is_accepted_only_when_asked_for(folder: Path) -> None:
    (folder / f"{IMAGES}.gz").write_bytes(gzip.compress(b"other images"))
    assert "--any-data" in refusal(folder)
    check_folder(folder, SMALL, any_data=True)


def test_other_data_must_be_complete_and_whole(folder: Path) -> None:
    path = folder / f"{IMAGES}.gz"
    path.write_bytes(path.read_bytes()[:-9])
    (folder / f"{LABELS}.gz").unlink()
    message = refusal(folder, any_data=True)
    assert f"{IMAGES}.gz: truncated" in message
    assert f"{LABELS}.gz: missing" in message
    assert "--any-data" not in message


@contextmanager
def unprivileged() -> Iterator[None]:
    """Runs the block as a user whom file permissions hold for: root may read anything.

    Not in a subprocess: the interpreter itself may lie where only root can read.
    """
    if os.geteuid() != 0:
        yield
        return
    os.setegid(NOBODY)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


@pytest.mark.parametrize(
    ("target", "mode", "expected"),
    [
        (".", 0o000, "no permission to read it for user id"),
        (".", 0o444, "no permission to read it for user id"),
        ("..", 0o000, "no permission to read it for user id"),
        (f"{IMAGES}.gz", 0o000, f"{IMAGES}.gz: no permission to read it for user id"),
    ],
)
def test_what_may_not_be_read_is_named(target: str, mode: int, expected: str) -> None:
    # pytest's own temporary folders can be entered by their owner only.
    with tempfile.TemporaryDirectory() as outer:
        Path(outer).chmod(0o755)
        folder = Path(outer) / "data" / "raw"
        folder.mkdir(parents=True)
        for name, content in CONTENTS.items():
            (folder / f"{name}.gz").write_bytes(gzip.compress(content))
        with unprivileged():
            assert folder_fault(folder, SMALL) is None
        closed = (folder / target).resolve()
        before = closed.stat().st_mode
        closed.chmod(mode)
        try:
            with unprivileged():
                fault = folder_fault(folder, SMALL)
        finally:
            closed.chmod(before)
        assert fault is not None
        assert expected in fault


def test_the_gzipped_files_are_preferred(folder: Path) -> None:
    (folder / IMAGES).write_bytes(CONTENTS[IMAGES])
    assert idx_files(folder) == tuple(folder / f"{file.name}.gz" for file in FILES)


def test_the_digest_depends_on_the_contents_and_not_on_the_packaging(folder: Path) -> None:
    before = digest_of(folder)
    (folder / f"{IMAGES}.gz").unlink()
    (folder / IMAGES).write_bytes(CONTENTS[IMAGES])
    assert digest_of(folder) == before
    (folder / IMAGES).write_bytes(CONTENTS[IMAGES] + b"x")
    assert digest_of(folder) != before


def test_the_digest_names_which_file_has_which_contents(folder: Path) -> None:
    before = digest_of(folder)
    (folder / f"{IMAGES}.gz").rename(folder / "aside")
    (folder / f"{LABELS}.gz").rename(folder / f"{IMAGES}.gz")
    (folder / "aside").rename(folder / f"{LABELS}.gz")
    assert digest_of(folder) != before


def test_the_digest_of_fashion_mnist_is_16_hex_digits_that_never_change() -> None:
    assert data_digest_of_sources() == "5cf0562c46b89a77"
