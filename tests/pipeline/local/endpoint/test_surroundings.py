"""The SDK's configuration file, merged with the user's, and the variables of clients."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import UsageError
from pipeline.local.endpoint.surroundings import VARIABLE, command_environment, exports, write_config


def written(file: Path) -> Any:
    return json.loads(file.read_text())


def test_the_users_own_configuration_is_merged(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(
        "SchemaVersion: '1.0'\nSageMaker:\n  TrainingJob:\n    RoleArn: role\n  PythonSDK:\n    Modules:\n"
        "      Session:\n        DefaultS3Bucket: theirs\n        DefaultS3ObjectKeyPrefix: kept\n"
    )
    file = tmp_path / "config.yaml"
    assert write_config(file, "bucket", {VARIABLE: str(own)}) is None
    assert written(file)["SageMaker"]["TrainingJob"] == {"RoleArn": "role"}
    assert written(file)["SageMaker"]["PythonSDK"]["Modules"] == {
        "TelemetryOptOut": True,
        "Session": {"DefaultS3Bucket": "bucket", "DefaultS3ObjectKeyPrefix": "kept"},
    }
    folder = tmp_path / "folder"
    folder.mkdir()
    own.rename(folder / "config.yaml")
    assert write_config(file, "bucket", {VARIABLE: str(folder)}) is None
    assert written(file)["SageMaker"]["TrainingJob"] == {"RoleArn": "role"}


def test_a_configuration_in_s3_is_named(tmp_path: Path) -> None:
    note = write_config(tmp_path / "config.yaml", "bucket", {VARIABLE: "s3://a/b.yaml"})
    assert note is not None
    assert "s3://a/b.yaml" in note


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "No such file"), ("a: [", "not YAML"), ("- a", "form"), ("SageMaker: {PythonSDK: []}", "form")],
)
def test_a_configuration_that_is_none_is_refused(tmp_path: Path, content: str | None, said: str) -> None:
    own = tmp_path / "own.yaml"
    if content is not None:
        own.write_text(content)
    with pytest.raises(UsageError, match=f"(?s){VARIABLE} names.*{said}"):
        write_config(tmp_path / "config.yaml", "bucket", {VARIABLE: str(own)})


def test_nothing_of_the_users_leads_a_client_elsewhere() -> None:
    user = {
        "PATH": "/bin",
        "AWS_PROFILE": "p",
        "AWS_ENDPOINT_URL_S3": "u",
        "aws_ca_bundle": "c",
        "BOTO_CONFIG": "b",
    }
    client = {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_SECRET_ACCESS_KEY": "a b"}
    assert command_environment(user, client) == {"PATH": "/bin", **client}
    assert exports(user, client).splitlines() == [
        "unset AWS_ENDPOINT_URL_S3 AWS_PROFILE AWS_SESSION_TOKEN BOTO_CONFIG aws_ca_bundle",
        "export AWS_ENDPOINT_URL=http://127.0.0.1:1",
        "export AWS_SECRET_ACCESS_KEY='a b'",
    ]
