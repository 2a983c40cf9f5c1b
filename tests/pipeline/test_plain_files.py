"""What is no plain file is named at once, and never waited for."""

import os
import socket
from pathlib import Path

import pytest

from pipeline.cli.main import main
from pipeline.plain_files import NotPlain, kind_of, open_plain


def test_a_plain_file_and_a_link_to_one_are_read(tmp_path):
    (tmp_path / "file").write_bytes(b"content")
    (tmp_path / "link").symlink_to("file")
    with open_plain(tmp_path / "link") as file:
        assert file.read() == b"content"
    assert kind_of(tmp_path / "link") is None
    with open_plain(tmp_path / "file") as file:
        assert (file.peek(3)[:3], file.read(4)) == (b"con", b"cont")


def test_everything_else_is_named(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket"))
        for path, kind in {
            tmp_path / "pipe": "a pipe",
            tmp_path / "link": "a pipe",
            tmp_path / "socket": "a socket",
            tmp_path: "a folder",
            Path("/dev/zero"): "a device",
        }.items():
            with pytest.raises(NotPlain) as error:
                open_plain(path)
            assert (error.value.kind, error.value.strerror) == (kind, f"{kind}, not a plain file")
            assert kind_of(path) == kind


def test_a_file_that_is_not_there_is_no_kind_of_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        open_plain(tmp_path / "missing")
    assert kind_of(tmp_path / "missing") is None
    assert kind_of(Path("a\0b")) is None


@pytest.mark.parametrize(
    "words",
    [
        ["predict", "{pipe}"],
        ["predict", "{pipe}#3"],
        ["predict", "{pipe}#3", "{pipe}"],
        ["invoke", "{pipe}", "--url", "http://127.0.0.1:9"],
        ["run", "--definition", "{pipe}"],
        ["data", "--data", "{folder}"],
    ],
)
def test_no_command_waits_for_a_pipe(words, tmp_path, monkeypatch, capsys):
    folder = tmp_path / "folder"
    folder.mkdir()
    pipe = folder / "t10k-images-idx3-ubyte"
    os.mkfifo(pipe)
    monkeypatch.setenv("FASHION_HOME", str(tmp_path / "home"))
    assert main([word.format(pipe=pipe, folder=folder) for word in words]) in (1, 2)
    assert "a pipe, not a plain file" in capsys.readouterr().err
