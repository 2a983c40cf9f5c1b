"""Code as an archive: what is in it, that equal code is equal bytes, and that it is sent once."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from pipeline.code_address import check_code, code_folder
from pipeline.definition.code_archive import ARCHIVE, pack, upload_archive
from pipeline.errors import StepFailed


def make(folder: Path, **files: bytes) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 200_000])
def test_it_holds_the_shipped_files(tmp_path: Path, size: int) -> None:
    folder = make(tmp_path, **{"train.py": b"x" * size, "a/b.py": b"y", "__pycache__/c.pyc": b"z"})
    with tarfile.open(fileobj=io.BytesIO(pack(folder)), mode="r:gz") as archive:
        contents = {member.name: archive.extractfile(member) for member in archive}
        assert {name: file.read() for name, file in contents.items() if file} == {
            "a/b.py": b"y",
            "train.py": b"x" * size,
        }


def test_equal_files_are_equal_bytes_whenever_they_were_written(tmp_path: Path) -> None:
    first, second = (make(tmp_path / name, **{"train.py": b"1", "b.py": b"2"}) for name in "ab")
    (second / "train.py").chmod(0o600)
    assert pack(first) == pack(second)
    make(second, **{"b.py": b"3"})
    assert pack(first) != pack(second)
    # Nothing depends on how zlib packs: only stored blocks are written.
    assert gzip.decompress(pack(first)) in pack(first)


def test_it_is_sent_once_to_an_address_that_says_what_it_is(tmp_path: Path) -> None:
    folder = make(tmp_path, **{"train.py": b"print()"})
    with mock_aws():
        s3 = boto3.client("s3", region_name="us-east-1", aws_access_key_id="t", aws_secret_access_key="t")
        s3.create_bucket(Bucket="a-bucket")
        uri = upload_archive(s3, folder, "a-bucket", "code")
        key = uri.removeprefix("s3://a-bucket/")
        sent = s3.get_object(Bucket="a-bucket", Key=key)
        assert upload_archive(s3, folder, "a-bucket", "code") == uri
        assert s3.get_object(Bucket="a-bucket", Key=key)["LastModified"] == sent["LastModified"]
        content = sent["Body"].read()
    address = code_folder(uri)
    assert address is not None
    check_code(address, [(ARCHIVE, content)])
    with pytest.raises(StepFailed, match="is not what was uploaded there"):
        check_code(address, [(ARCHIVE, content + b"x")])
