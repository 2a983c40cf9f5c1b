"""The tests that docs/local-sagemaker.md shows pass as they stand, and leave nothing to each other."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "local-sagemaker.md"
AFTERWARDS = """
import boto3, os

def test_nothing_is_left(local_sagemaker):
    client = boto3.client("sagemaker")
    assert client.list_pipelines()["PipelineSummaries"] == []
    assert [each["Name"] for each in boto3.client("s3").list_buckets()["Buckets"]] == [local_sagemaker.bucket]
    boto3.client("s3").put_object(Bucket=local_sagemaker.bucket, Key="mine", Body=b"x")

def test_nothing_is_left_in_s3_either(local_sagemaker):
    assert "Contents" not in boto3.client("s3").list_objects_v2(Bucket=local_sagemaker.bucket)
    assert "AWS_PROFILE" not in os.environ

def test_the_environment_is_the_users_again():
    assert os.environ["AWS_PROFILE"] == "mine"
    assert "AWS_ENDPOINT_URL" not in os.environ
"""
BESIDE_MOTO = """
import boto3, pytest
from botocore.exceptions import ClientError
from moto import mock_aws

@mock_aws
def test_motos_key_is_not_the_servers(local_sagemaker):
    with pytest.raises(ClientError, match="The access key FOOBARKEY is not this run's"):
        boto3.client("sagemaker").list_pipelines()
    assert local_sagemaker.client("sagemaker").list_pipelines()["PipelineSummaries"] == []

@mock_aws(config={"core": {"mock_credentials": False}})
def test_moto_leaves_the_key_alone_when_it_is_told_to(local_sagemaker):
    assert boto3.client("sagemaker").list_pipelines()["PipelineSummaries"] == []
"""


def test_the_tests_of_the_page_pass(tmp_path: Path) -> None:
    examples = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), flags=re.MULTILINE | re.DOTALL)
    tests = [each for each in examples if "def test_" in each]
    assert len(tests) == 2
    for number, text in enumerate([*tests, AFTERWARDS, BESIDE_MOTO]):
        (tmp_path / f"test_{number}.py").write_text(text)
    (tmp_path / "pytest.ini").write_text(f"[pytest]\npythonpath = {ROOT}\n")
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["pipeline.local.pytest_plugin"]\n')
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error"],
        cwd=tmp_path,
        env={**os.environ, "AWS_PROFILE": "mine"},
        capture_output=True,
        text=True,
    )
    assert "7 passed" in done.stdout, done.stdout + done.stderr
