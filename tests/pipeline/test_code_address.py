"""Code that is not what its address says is not run."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.code_address import check_folder, code_folder, digest_in, folder_name
from pipeline.definition.code_upload import digest_of_code
from pipeline.errors import StepFailed
from pipeline.local.state.changed_code import changed_code
from pipeline.local.state.objects import Objects
from pipeline.local.state.state_dir import Home
from pipeline.local.state.store import Store

FILES = {"train.py": b"print(1)\n", "sub/model.py": b"x = 1\n", "sub.py": b""}
CHANGES = [
    ("train.py", b"print(2)\n"),
    ("added.py", b""),
    # Not shipped, so not in the digest of a source folder; Python would run it all the same.
    ("sub/__pycache__/model.cpython-311.pyc", b"x"),
    (".hidden", b"x"),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "code", FILES)
    return tmp_path / "code"


def write(folder: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def address(folder: Path) -> str:
    return f"s3://bucket/code/{folder_name(digest_of_code(folder))}/"


def test_an_address_says_the_digest_of_its_own_folder_alone() -> None:
    digest = "0123456789abcdef" * 2
    assert digest_in(f"s3://b/code/sha256-{digest}/") == digest
    assert digest_in(f"s3://b/code/sha256-{digest}") == digest
    others = ("sha256-{0}/sub/", "sha256-{0}0/", "sha256-{0:.31}/", "{0}/", "SHA256-{0}/", "sha256-{0}.zip")
    for other in (text.format(digest) for text in others):
        assert digest_in(f"s3://b/code/{other}") is None
    assert code_folder(f"s3://b/code/sha256-{digest}/sub/a.py") == f"s3://b/code/sha256-{digest}/"
    assert code_folder("s3://b/code/sub/a.py") is None


def test_code_that_is_what_its_address_says_passes_and_so_does_what_has_no_such_address(folder: Path) -> None:
    check_folder(address(folder), folder)
    check_folder("s3://bucket/data/", folder)


@pytest.mark.parametrize(("name", "content"), CHANGES)
def test_code_that_was_changed_or_added_to_is_refused_with_what_to_do(
    folder: Path, name: str, content: bytes
) -> None:
    uri = address(folder)
    write(folder, {name: content})
    with pytest.raises(
        StepFailed, match=r"is not what was uploaded there.*Nothing of it was run.*pipeline run"
    ):
        check_folder(uri, folder)


def test_code_that_lacks_a_file_is_refused(folder: Path) -> None:
    uri = address(folder)
    (folder / "sub.py").unlink()
    with pytest.raises(StepFailed):
        check_folder(uri, folder)


@pytest.mark.parametrize(("name", "content"), CHANGES)
def test_changed_code_in_the_store_is_found_with_its_whole_folder(
    folder: Path, tmp_path: Path, name: str, content: bytes
) -> None:
    home = Home.open(tmp_path / "state")
    uri = address(folder)
    prefix = uri.removeprefix("s3://bucket/")
    with Store(home) as store:
        objects = Objects(home, store)
        for file, body in FILES.items():
            objects.put("bucket", prefix + file, [body])
        objects.put("bucket", "code/other", [b"x"])
        assert changed_code(objects, "s3://bucket/code") == []
        objects.put("bucket", prefix + name, [content])
        found = {stored.key for stored in changed_code(objects, "s3://bucket/code")}
    assert found == {prefix + file for file in (*FILES, name)}
