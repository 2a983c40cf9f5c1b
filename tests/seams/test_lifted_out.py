"""The local mode can be lifted out: with its files alone, another project's tests run by the fixture."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.seams.test_arrows import EVERYBODYS, ROOT

ROOMS = ("pipeline/spec", "pipeline/local")
CONFTEST = 'pytest_plugins = ["pipeline.local.pytest_plugin"]\n'
INI = "[pytest]\nlocal_pipeline_scope = session\n"
TEST = """
import sys

import pipeline

STEP = {
    "Name": "Count",
    "Type": "Processing",
    "CacheConfig": {"Enabled": True, "ExpireAfter": "P1D"},
    "Arguments": {
        "AppSpecification": {
            "ImageUri": "an-image",
            "ContainerEntrypoint": ["sh", "-c", "ls /opt/ml/processing/in | wc -l > /opt/ml/processing/out/count"],
        },
        "ProcessingInputs": [{
            "InputName": "in",
            "S3Input": {
                "S3Uri": {"Get": "Parameters.Data"},
                "LocalPath": "/opt/ml/processing/in",
                "S3DataType": "S3Prefix",
                "S3InputMode": "File",
            },
        }],
        "ProcessingOutputConfig": {"Outputs": [{
            "OutputName": "out",
            "S3Output": {
                "S3Uri": "s3://a-bucket/out",
                "LocalPath": "/opt/ml/processing/out",
                "S3UploadMode": "EndOfJob",
            },
        }]},
        "ProcessingResources": {
            "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}
        },
        "RoleArn": "arn:aws:iam::123456789012:role/jobs",
    },
}
DEFINITION = {
    "Version": "2020-12-01",
    "Parameters": [{"Name": "Data", "Type": "String", "DefaultValue": "s3://a-bucket/in/"}],
    "Steps": [STEP],
}


def test_first(local_pipeline):
    uploads = {"s3://a-bucket/in/a": b"a", "s3://a-bucket/in/b": b"b"}
    result = local_pipeline.run(DEFINITION, uploads=uploads).check()
    assert result.files("Count", "out")["count"].read_text().strip() == "2"


def test_second_reuses_it_in_the_session(local_pipeline):
    result = local_pipeline.run(DEFINITION).check()
    assert result.explain("Count").reason == "reused"


def test_nothing_else_is_loaded():
    folder = pipeline.__path__[0]
    assert folder.endswith("/alone/pipeline")
    assert "sagemaker" not in sys.modules and "tensorflow" not in sys.modules
"""


@pytest.fixture
def alone(tmp_path: Path) -> Path:
    """A project that has these files of the package, and a test of its own."""
    folder = tmp_path / "alone"
    for room in ROOMS:
        shutil.copytree(ROOT / room, folder / room, ignore=shutil.ignore_patterns("__pycache__"))
    for name in EVERYBODYS:
        shutil.copyfile(ROOT / name, folder / name)
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "pytest.ini").write_text(INI)
    (folder / "test_theirs.py").write_text(TEST)
    return folder


def test_another_projects_tests_run_with_the_local_mode_alone(alone: Path, tmp_path: Path) -> None:
    environment = {
        name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "FASHION_HOME")
    }
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "."],
        cwd=alone,
        env=environment | {"HOME": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 passed" in done.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["alone"]
