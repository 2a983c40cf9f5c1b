"""A state folder whose path has spaces and odd characters serves jobs as any other."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from pipeline.cli.main import main
from pipeline.local.state.plain_path import plain_path
from tests.folders import contents
from tests.processes import ended_process

DEFINITION = """{"Version": "2020-12-01", "Steps": [{"Name": "P", "Type": "Processing", "Arguments": {
 "AppSpecification": {"ImageUri": "1.dkr/x", "ContainerEntrypoint": ["bash", "-c",
   "cd /opt/ml/processing/in && cat a.txt > /opt/ml/processing/out/b.txt"]},
 "ProcessingResources": {"ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}},
 "ProcessingInputs": [{"InputName": "in", "S3Input": {"S3Uri": "s3://bkt-one/in/", "S3DataType": "S3Prefix",
   "LocalPath": "/opt/ml/processing/in"}}],
 "ProcessingOutputConfig": {"Outputs": [{"OutputName": "out", "S3Output": {"S3Uri": "s3://bkt-one/out/",
   "LocalPath": "/opt/ml/processing/out", "S3UploadMode": "EndOfJob"}}]},
 "RoleArn": "arn:aws:iam::000000000000:role/r"}}]}"""


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_a_plain_path_stays_as_it_is(tmp_path: Path, temporary: Path) -> None:
    with plain_path(tmp_path) as path:
        assert path == tmp_path
        assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("name", ["a b", "it's", 'say "x"', "$HOME;ls", "größe", "two\nlines"])
def test_an_odd_one_is_reached_by_a_link_that_goes_again(tmp_path: Path, temporary: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    (folder / "kept").write_text("x")
    with plain_path(folder) as path:
        assert path.is_relative_to(temporary)
        assert (path / "kept").read_text() == "x"
        assert path.parent.stat().st_mode & 0o077 == 0
    assert list(temporary.iterdir()) == []
    assert (folder / "kept").read_text() == "x"


def test_links_of_killed_commands_go_and_nothing_else(tmp_path: Path, temporary: Path) -> None:
    (tmp_path / "a b").mkdir()
    left = temporary / f"fashion-{ended_process()}-link-x"
    left.mkdir()
    (left / "state").symlink_to(tmp_path / "a b")
    (temporary / "fashion-notes-link-x").mkdir()
    (tmp_path / "a b" / "kept").write_text("x")
    with plain_path(tmp_path / "a b"):
        pass
    assert contents(temporary) == {"fashion-notes-link-x": None}
    assert (tmp_path / "a b" / "kept").read_text() == "x"


@pytest.mark.parametrize("launcher", ["process", "auto"])
@pytest.mark.parametrize("name", ["a b", "it's $HOME; größe"])
def test_a_job_changes_to_its_folder_without_quotes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, launcher: str
) -> None:
    monkeypatch.setenv("FASHION_HOME", str(tmp_path / name))
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.txt").write_text("hello")
    (tmp_path / "definition.json").write_text(DEFINITION)
    command = ["run", "--plain", "--definition", str(tmp_path / "definition.json")]
    upload = ["--upload", f"{tmp_path / 'in'}=s3://bkt-one/in"]
    assert main([*command, *upload, "--launcher", launcher]) == 0
