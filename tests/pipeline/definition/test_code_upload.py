from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from pipeline.definition.code_upload import code_files, digest_of_code, upload_code


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "code" / "sub").mkdir(parents=True)
    (tmp_path / "code" / "train.py").write_text("print(1)\n")
    (tmp_path / "code" / "sub" / "model.py").write_text("x = 1\n")
    return tmp_path / "code"


@pytest.fixture
def s3():
    with mock_aws():
        client = boto3.client(
            "s3", region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test"
        )
        client.create_bucket(Bucket="bucket")
        yield client


def keys(s3):
    return {item["Key"] for item in s3.list_objects_v2(Bucket="bucket").get("Contents", [])}


def test_caches_and_hidden_files_are_not_shipped(folder):
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "train.cpython-311.pyc").write_bytes(b"x")
    (folder / ".DS_Store").write_bytes(b"x")
    before = digest_of_code(folder)
    assert code_files(folder) == [Path("sub/model.py"), Path("train.py")]
    (folder / "__pycache__" / "train.cpython-311.pyc").write_bytes(b"y")
    assert digest_of_code(folder) == before


def test_a_change_of_content_or_of_name_changes_the_digest(folder):
    before = digest_of_code(folder)
    (folder / "train.py").write_text("print(2)\n")
    changed = digest_of_code(folder)
    (folder / "train.py").rename(folder / "training.py")
    assert len({before, changed, digest_of_code(folder)}) == 3


def test_equal_code_is_uploaded_once_to_an_equal_address(folder, s3):
    uri = upload_code(s3, folder, "bucket", "project/code")
    digest = f"sha256-{digest_of_code(folder)[:32]}"
    assert uri == f"s3://bucket/project/code/{digest}/"
    assert keys(s3) == {f"project/code/{digest}/train.py", f"project/code/{digest}/sub/model.py"}
    written = s3.head_object(Bucket="bucket", Key=f"project/code/{digest}/train.py")["ETag"]
    assert upload_code(s3, folder, "bucket", "project/code") == uri
    assert s3.head_object(Bucket="bucket", Key=f"project/code/{digest}/train.py")["ETag"] == written


def test_an_upload_that_was_cut_off_is_completed(folder, s3):
    uri = upload_code(s3, folder, "bucket", "code")
    prefix = uri.removeprefix("s3://bucket/")
    s3.delete_object(Bucket="bucket", Key=prefix + "train.py")
    s3.put_object(Bucket="bucket", Key=prefix + "sub/model.py", Body=b"x")
    upload_code(s3, folder, "bucket", "code")
    assert s3.get_object(Bucket="bucket", Key=prefix + "train.py")["Body"].read() == b"print(1)\n"
    assert s3.get_object(Bucket="bucket", Key=prefix + "sub/model.py")["Body"].read() == b"x = 1\n"
