"""Contents of objects on disk: written whole, or taken over from a file of ours."""

from __future__ import annotations

import errno
import hashlib
import os
from pathlib import Path

import pytest

from pipeline.errors import StateError
from pipeline.local.state.contents import Content, Contents, UnreadableError
from pipeline.local.state.disk_advice import disk_advice
from pipeline.local.state.state_dir import Home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.open(tmp_path / "state")


@pytest.fixture
def contents(home: Home) -> Contents:
    return Contents(home)


def content(text: bytes) -> Content:
    return Content(hashlib.sha256(text).hexdigest(), hashlib.md5(text).hexdigest(), len(text))


@pytest.mark.parametrize("times", [1, 2])
def test_a_file_of_ours_is_taken_over_without_a_copy(
    home: Home, contents: Contents, tmp_path: Path, times: int
) -> None:
    path = tmp_path / "out"
    path.write_bytes(b"output")
    for _ in range(times):
        assert contents.adopt(path, "out") == content(b"output")
        # The second time it has two names, as a file of somebody's own may have.
    kept = contents.path(content(b"output").sha256)
    assert kept.samefile(path) == (times == 1)
    assert kept.stat().st_mode & 0o222 == 0
    assert contents.damage(kept.name, 6) is None
    assert list(home.temporary.iterdir()) == []


def test_a_file_that_is_somebodys_own_too_is_copied(contents: Contents, tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.write_bytes(b"their data")
    (tmp_path / "hard").hardlink_to(own)
    (tmp_path / "soft").symlink_to(own)
    for name in ("hard", "soft"):
        kept = contents.path(contents.adopt(tmp_path / name, name).sha256)
        assert not kept.samefile(own)
    own.write_bytes(b"their next")
    assert kept.read_bytes() == b"their data"


def test_a_file_that_cannot_be_read_is_no_fault_of_the_disk(contents: Contents, tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="No such file"):
        contents.adopt(tmp_path / "gone", "gone")


def test_many_contents_are_made_durable_at_once(contents: Contents) -> None:
    written = [contents.write([b"%d" % number], "x").sha256 for number in range(100)]
    contents.sync(written[:3])
    contents.sync(written)
    assert all(contents.damage(sha256, contents.path(sha256).stat().st_size) is None for sha256 in written)


def test_a_state_folder_that_was_removed_is_said_to_be_gone_and_not_to_be_full(
    home: Home, contents: Contents
) -> None:
    home.root.rename(home.root.with_name("elsewhere"))
    with pytest.raises(
        StateError, match=r"objects was removed, moved or unmounted while.*: put it back"
    ) as told:
        contents.write([b"x"], "s3://bucket/key")
    assert "Free space" not in str(told.value)


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.ENOSPC, "Free space on that disk"),
        (errno.EDQUOT, "Free space on that disk"),
        (errno.EROFS, "Mount the file system of {folder} writable again"),
        (errno.ENOENT, "Check who owns that folder, and its disk"),
    ],
)
def test_the_advice_is_for_what_the_disk_said(tmp_path: Path, number: int, advice: str) -> None:
    assert disk_advice(OSError(number, os.strerror(number)), tmp_path) == advice.format(folder=tmp_path)
