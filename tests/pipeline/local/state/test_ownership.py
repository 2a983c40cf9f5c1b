"""No folder becomes a state folder that holds anything of anybody else's."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.errors import StateError
from pipeline.local.state.ownership import MARK
from pipeline.local.state.state_dir import Home
from pipeline.local.state.store import Store
from tests.folders import contents

DATA = ("train-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte")


def somebodys_home(folder: Path) -> None:
    (folder / "tmp").mkdir(parents=True)
    (folder / "tmp" / "99999999-letter").write_text("dear")
    (folder / "tmp" / "cache").mkdir()
    (folder / "tax.ods").write_text("1")


def only_hidden(folder: Path) -> None:
    (folder / ".ssh").mkdir(parents=True)


def only_folders_of_our_names(folder: Path) -> None:
    for name in ("data", "tmp", "study"):
        (folder / name).mkdir(parents=True)
    (folder / "data" / "measured.csv").write_text("1")


def objects_of_somebodys(folder: Path) -> None:
    (folder / "objects" / "vases").mkdir(parents=True)
    (folder / "tmp").mkdir()


def another_database(folder: Path) -> None:
    folder.mkdir()
    with sqlite3.connect(folder / "state.sqlite3") as connection:
        connection.execute("CREATE TABLE games (name TEXT)")
    connection.close()


def another_mark(folder: Path) -> None:
    folder.mkdir()
    (folder / MARK).write_text("mine")


def data_of_somebodys(folder: Path) -> None:
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "holiday.jpg").write_text("1")


@pytest.mark.parametrize(
    "make",
    [
        somebodys_home,
        only_hidden,
        only_folders_of_our_names,
        objects_of_somebodys,
        another_database,
        another_mark,
        data_of_somebodys,
    ],
)
def test_a_folder_with_somebodys_files_is_refused_and_left_as_it_was(
    make: Callable[[Path], None], tmp_path: Path
) -> None:
    make(tmp_path / "folder")
    before = contents(tmp_path)

    with pytest.raises(StateError, match=r"holds other things \(.+\)\. Nothing in it was touched\. Set FASH"):
        Home.open(tmp_path / "folder")

    assert contents(tmp_path) == before


def test_what_is_there_is_named_and_counted(tmp_path: Path) -> None:
    for name in "abcdefgh":
        (tmp_path / name).touch()
    (tmp_path / "\x1b[31m").touch()

    with pytest.raises(StateError, match=r"holds other things \(.*, a, b, c, d and 4 more\)") as raised:
        Home.open(tmp_path)
    assert "\x1b" not in str(raised.value)


def empty(folder: Path) -> None:
    folder.mkdir()


def new_disk(folder: Path) -> None:
    (folder / "lost+found").mkdir(parents=True)


def of_an_older_version(folder: Path) -> None:
    home = Home.open(folder)
    Store(home).close()
    (folder / "notes.txt").write_text("kept beside")
    (folder / MARK).unlink()


def damaged_and_of_an_older_version(folder: Path) -> None:
    for name in ("tmp", "objects/0f", "executions/abc", "study", "data"):
        (folder / name).mkdir(parents=True)
    (folder / "state.sqlite3").write_bytes(b"x" * 5000)
    (folder / "lock").touch()


def data_alone(folder: Path) -> None:
    (folder / "data").mkdir(parents=True)
    for name in DATA:
        (folder / "data" / name).touch()
    (folder / "data.lock").touch()


def half_marked(folder: Path) -> None:
    home = Home.open(folder)
    shutil.move(folder / MARK, folder / f"{MARK}-12.34.0123456789ab.0")
    home.temporary.rmdir()
    home.objects.rmdir()


@pytest.mark.parametrize(
    "make",
    [empty, new_disk, of_an_older_version, damaged_and_of_an_older_version, data_alone, half_marked],
)
def test_a_new_folder_and_those_of_older_versions_are_marked_and_kept(
    make: Callable[[Path], None], tmp_path: Path
) -> None:
    folder = tmp_path / "folder"
    make(folder)
    before = contents(folder)

    Home.open(folder)
    (folder / "notes.txt").write_text("a marked folder stays ours, whatever is put there")
    Home.open(folder)

    assert (folder / MARK).is_file()
    assert {name: before[name] for name in before if name != "notes.txt"}.items() <= contents(folder).items()
