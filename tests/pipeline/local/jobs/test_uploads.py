from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipeline.errors import UsageError
from pipeline.local.jobs.uploads import Upload, parse_upload, put_files
from pipeline.local.state.local_aws import LocalAws
from pipeline.local.state.state_dir import Home
from pipeline.local.state.store import Store
from tests.pipeline.local.workbench import Workbench


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two files, one of them deeper."""
    folder = tmp_path / "a=b"
    (folder / "deep").mkdir(parents=True)
    (folder / "x.py").write_text("x")
    (folder / "deep" / "y.csv").write_text("y")
    return folder


def test_files_of_a_folder_lie_below_the_prefix(folder: Path, bench: Workbench) -> None:
    for address in ("one", "two/"):
        assert put_files(bench.aws, [parse_upload(f"{folder}={bench.uri(address)}")]) == [2]
        assert bench.stored(bench.uri(address.rstrip("/")) + "/") == ["deep/y.csv", "x.py"]


def test_a_file_becomes_the_object_or_lies_below_the_prefix(folder: Path, bench: Workbench) -> None:
    for address, key in (("renamed.py", "renamed.py"), ("code/", "code/x.py")):
        assert put_files(bench.aws, [parse_upload(f"{folder / 'x.py'}={bench.uri(address)}")]) == [1]
        assert bench.get(bench.uri(key)) == b"x"


def test_a_later_upload_replaces_files_of_the_same_name_and_leaves_the_others(
    folder: Path, bench: Workbench
) -> None:
    upload = parse_upload(f"{folder}={bench.uri('code')}")
    put_files(bench.aws, [upload])
    (folder / "x.py").write_text("changed")
    (folder / "deep" / "y.csv").unlink()
    put_files(bench.aws, [upload])
    assert bench.get(bench.uri("code", "x.py")) == b"changed"
    assert bench.get(bench.uri("code", "deep/y.csv")) == b"y"


def test_what_was_uploaded_is_there_for_later_commands(folder: Path, tmp_path: Path) -> None:
    home = Home.open(tmp_path / "home")
    uri = "s3://their-own-bucket/code/"
    with Store(home) as store, LocalAws(home, store) as aws:
        put_files(aws, [Upload(folder, uri)])
    (folder / "x.py").write_text("changed since, and not uploaded")
    with Store(home) as store, LocalAws(home, store) as aws:
        body = aws.client("s3").get_object(Bucket="their-own-bucket", Key="code/x.py")["Body"].read()
        assert body == b"x"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "--upload must be PATH=s3://bucket/prefix, not ''"),
        ("folder", "must be PATH=s3://bucket/prefix"),
        ("=s3://bucket/prefix", "must be PATH=s3://bucket/prefix"),
        ("{folder}=s3://", "must be PATH=s3://bucket/prefix"),
        ("{folder}=https://bucket/prefix", "must be PATH=s3://bucket/prefix"),
        (
            "{folder}/none=s3://bucket/prefix",
            "--upload {folder}/none: there is no such file, and no folder with files",
        ),
        ("{folder}/empty=s3://bucket/prefix", "there is no such file, and no folder with files"),
        ("{folder}/x.py=s3://bucket", "has no key for the file after the bucket"),
    ],
)
def test_an_upload_that_cannot_be_is_refused(folder: Path, text: str, expected: str) -> None:
    (folder / "empty" / "er").mkdir(parents=True)
    with pytest.raises(UsageError) as caught:
        parse_upload(text.format(folder=folder))
    assert expected.format(folder=folder) in str(caught.value)


def test_a_pipe_is_named_and_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a.txt").write_text("a")
    pipe = tmp_path / "folder" / "pipe"
    os.mkfifo(pipe)
    for path, named in ((pipe, "it is a pipe"), (tmp_path / "folder", f"{pipe} is a pipe")):
        with pytest.raises(UsageError) as caught:
            parse_upload(f"{path}=s3://bucket/prefix")
        assert f"Could not read --upload {path}: {named}, not a plain file or a folder." in str(caught.value)


def test_a_bucket_of_the_local_s3_may_have_a_short_name(folder: Path, bench: Workbench) -> None:
    for name in ("x", "b1"):
        put_files(bench.aws, [Upload(folder, f"s3://{name}/code")])
        assert bench.aws.stored_objects(f"s3://{name}/code")


@pytest.mark.parametrize("bucket", ["B?", "-", "x.", "X", "é"])
def test_a_bucket_that_s3_would_not_take_is_refused(folder: Path, bench: Workbench, bucket: str) -> None:
    with pytest.raises(UsageError) as caught:
        put_files(bench.aws, [Upload(folder, f"s3://{bucket}/code")])
    assert f"Could not make the bucket of --upload: {bucket!r} is not a valid bucket name: " in str(
        caught.value
    )
    # Known before another upload of the command is made.
    with pytest.raises(UsageError, match="Could not make the bucket of --upload"):
        parse_upload(f"{folder}=s3://{bucket}/code")
