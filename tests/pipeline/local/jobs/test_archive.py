"""Equal folders give equal archives, byte for byte."""

import os
import tarfile
from pathlib import Path

from pipeline.local.jobs.archive import pack_folder


def fill(folder: Path, names: list[str]) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"content of {name}")
    (folder / "empty").mkdir(parents=True)
    return folder


def test_order_and_time_of_writing_do_not_show(tmp_path: Path) -> None:
    one = fill(tmp_path / "one", ["b.txt", "a.txt", "1/saved_model.pb"])
    two = fill(tmp_path / "two", ["1/saved_model.pb", "a.txt", "b.txt"])
    for path in two.rglob("*"):
        os.utime(path, (1, 1))
    assert pack_folder(one, tmp_path / "one.tar.gz") == 3
    assert pack_folder(two, tmp_path / "different-name.tar.gz") == 3
    content = (tmp_path / "one.tar.gz").read_bytes()
    assert content == (tmp_path / "different-name.tar.gz").read_bytes()
    assert content[4:8] == bytes(4), "gzip's header has a time"


def test_an_archive_unpacks_to_what_was_packed(tmp_path: Path) -> None:
    folder = fill(tmp_path / "in", ["a.txt", "deep/er/b.txt"])
    (folder / "a.txt").chmod(0o755)
    pack_folder(folder, tmp_path / "x.tar.gz")
    with tarfile.open(tmp_path / "x.tar.gz") as archive:
        assert archive.getnames() == ["a.txt", "deep", "deep/er", "deep/er/b.txt", "empty"]
        assert {member.mtime for member in archive} == {0}
        archive.extractall(tmp_path / "out", filter="data")
    assert (tmp_path / "out/deep/er/b.txt").read_text() == "content of deep/er/b.txt"
    assert os.access(tmp_path / "out/a.txt", os.X_OK)
    assert not os.access(tmp_path / "out/deep/er/b.txt", os.X_OK)


def test_what_is_no_file_is_left_out(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    os.mkfifo(folder / "pipe")
    (folder / "dangling").symlink_to(tmp_path / "nowhere")
    (folder / "link").symlink_to(tmp_path / "target")
    (tmp_path / "target").write_text("linked")
    assert pack_folder(folder, tmp_path / "x.tar.gz") == 1
    with tarfile.open(tmp_path / "x.tar.gz") as archive:
        assert archive.getnames() == ["link"]
        assert archive.getmember("link").isreg()


def test_an_empty_folder_gives_an_archive(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    assert pack_folder(tmp_path / "in", tmp_path / "x.tar.gz") == 0
    with tarfile.open(tmp_path / "x.tar.gz") as archive:
        assert archive.getnames() == []
