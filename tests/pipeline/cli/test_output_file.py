"""A file that a command is told to write is looked at before the work, and nothing of anybody's is overwritten."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipeline.cli.main import main
from pipeline.cli.output_file import check_writable
from pipeline.cli.parser import build_parser
from pipeline.cli.parsers.options import output_folder
from pipeline.errors import UsageError
from pipeline.local.state.state_dir import Home
from pipeline.study.place import prepare_folder
from tests.folders import contents

RESULT = '{"execution_id": "abc", "status": "Succeeded", "steps": []}'


@pytest.mark.parametrize("content", ["", "\n", RESULT])
def test_nothing_and_an_earlier_result_may_be_overwritten(tmp_path: Path, content: str) -> None:
    (tmp_path / "result.json").write_text(content)
    check_writable(tmp_path / "result.json")
    assert (tmp_path / "result.json").read_text() == content


@pytest.mark.parametrize("content", ["my notes", "[]", '{"name": "package"}', '"x"', "[" * 100_000])
def test_anything_else_is_refused_and_kept(tmp_path: Path, content: str) -> None:
    (tmp_path / "notes").write_text(content)
    with pytest.raises(UsageError, match=r"Could not take .*notes for --result: it holds something other"):
        check_writable(tmp_path / "notes")
    assert (tmp_path / "notes").read_text() == content


def test_what_is_no_utf8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\xff\xfe")
    with pytest.raises(UsageError, match="holds something other"):
        check_writable(tmp_path / "picture.png")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "it is a folder"),
        ("missing/result.json", "No such file or directory"),
        ("file/result.json", "Not a directory"),
        ("x" * 300, "File name too long"),
    ],
)
def test_what_cannot_be_written_is_refused_with_the_reason(tmp_path: Path, name: str, reason: str) -> None:
    (tmp_path / "file").touch()
    before = contents(tmp_path)
    with pytest.raises(UsageError, match=reason):
        check_writable(tmp_path / name)
    assert contents(tmp_path) == before


def test_links_in_a_circle_are_refused(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(UsageError, match="lead in a circle"):
        check_writable(tmp_path / "loop")


@pytest.mark.parametrize("name", ["a\0b", "\ud800"], ids=["NUL", "half a character"])
def test_what_no_file_can_be_called_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="no file can be called that"):
        check_writable(tmp_path / name)
    with pytest.raises(UsageError, match="no folder can be called that"):
        prepare_folder(tmp_path / name)


def test_looking_leaves_no_file_behind_and_links_are_followed(tmp_path: Path) -> None:
    check_writable(tmp_path / "new.json")
    (tmp_path / "link.json").symlink_to(tmp_path / "aim.json")
    check_writable(tmp_path / "link.json")
    assert [path.name for path in tmp_path.iterdir()] == ["link.json"]


def test_a_device_or_a_pipe_is_taken_without_waiting(tmp_path: Path) -> None:
    check_writable(Path(os.devnull))
    os.mkfifo(tmp_path / "pipe")
    check_writable(tmp_path / "pipe")


def test_a_file_of_another_user_is_refused_before_the_run(tmp_path: Path) -> None:
    file = tmp_path / "result.json"
    file.write_text(RESULT)
    file.chmod(0o444)
    tmp_path.chmod(0o755)
    root = os.geteuid() == 0
    for folder in [tmp_path, *tmp_path.parents][:3]:
        if root and folder.stat().st_uid == 0:
            folder.chmod(0o755)
    if root:
        os.seteuid(65534)
    try:
        with pytest.raises(UsageError, match="Permission denied"):
            check_writable(file)
    finally:
        if root:
            os.seteuid(0)


@pytest.mark.parametrize("command", [["run"], ["study"], ["resume"], ["resume", "--target", "sagemaker"]])
def test_every_command_with_a_json_file_looks_first(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FASHION_HOME", str(tmp_path / "home"))
    (tmp_path / "notes").write_text("mine")
    assert main([*command, "--result", str(tmp_path / "notes")]) == 2
    assert "holds something other than an earlier result" in capsys.readouterr().err
    assert (tmp_path / "notes").read_text() == "mine"


@pytest.mark.parametrize(
    ("out", "said"),
    [
        ("", "it is empty; name a folder"),
        ("s3://bucket/out", "s3://bucket/out is an address; name a folder of this machine"),
    ],
)
def test_an_empty_out_or_an_address_makes_no_folder_where_one_works(
    out: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as raised:
        main(["study", "--out", out])
    assert raised.value.code == 2
    assert f"argument --out: {said}" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["study", "--out", "home"], "argument --out: home is the state folder's own"),
        (["study", "--out", "home/tables"], "argument --out: home/tables is the state folder's own"),
        (["batch", "x.png", "home/answers"], "argument OUTPUT: home/answers is the state folder's own"),
        (["run", "--result", ""], "argument --result: it is empty; name a file"),
        (["resume", "--result", "s3://b/k"], "argument --result: s3://b/k is an address; name a file"),
        (["run", "--definition", ""], "argument --definition: it is empty; name a file"),
        (["run", "--data", ""], "argument --data: it is empty; name a folder"),
        (["study", "--out", "loop/below"], "argument --out: the links of loop/below lead in a circle"),
        (["study", "--out", "home/objects/ab"], "argument --out: home/objects/ab is the state folder's own"),
        (["batch", "x.png", "link"], "argument OUTPUT: link is the state folder's own"),
    ],
)
def test_what_no_path_is_to_be_is_refused_by_the_parser(
    words: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Home.open(tmp_path / "home")
    Path("loop").symlink_to("loop")
    Path("link").symlink_to("home/executions")
    with pytest.raises(SystemExit):
        build_parser().parse_args(words)
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    "name",
    [
        "lock",
        "state.sqlite3",
        "state.sqlite3-wal",
        "journal.jsonl",
        ".fashion-home",
        "tmp/x",
        "objects/x",
        "new.json",
    ],
)
def test_what_is_the_state_folders_own_is_no_result(name: str, tmp_path: Path) -> None:
    home = Home.open(tmp_path / "home")
    home.lock.touch()  # Nobody holds it: it is empty, as a new file is.
    (tmp_path / "link").symlink_to(home.root / name)
    before = contents(home.root)
    for file in (home.root / name, tmp_path / "link"):
        with pytest.raises(UsageError, match="it is the state folder's own"):
            check_writable(file)
    assert contents(home.root) == before


def test_the_folder_of_a_studys_tables_is_the_users_too(tmp_path: Path) -> None:
    home = Home.open(tmp_path / "home")
    (home.root / "study").mkdir()

    check_writable(home.root / "study" / "result.json")
    assert output_folder(str(home.root / "study")) == home.root / "study"
