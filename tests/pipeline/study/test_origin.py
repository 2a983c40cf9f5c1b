"""Which commit a study's figures come from."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pipeline.code_address import folder_name
from pipeline.definition.code_archive import ARCHIVE, folder_of, pack
from pipeline.definition.code_upload import digest_of_code
from pipeline.execution import ExecutionRecord, StepRecord
from pipeline.study.origin import commit_of, describe_machine, describe_versions


def git(root: Path, *words: str) -> str:
    identity = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    done = subprocess.run(["git", *identity, *words], cwd=root, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    (tmp_path / "training").mkdir()
    (tmp_path / "training" / "train.py").write_text("print()\n")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "-m", "One")
    return tmp_path


def execution(code: str) -> ExecutionRecord:
    properties = {
        "HyperParameters": {"candidate": "baseline", "epochs": "1"},
        "InputDataConfig": [{"ChannelName": "code", "DataSource": {"S3DataSource": {"S3Uri": code}}}],
    }
    step = StepRecord("Train-baseline-0", "Training", "Succeeded", properties=properties)
    return ExecutionRecord("one", "fashion-mnist", "local", "Succeeded", {}, 0.0, steps=(step,))


def of(repository: Path) -> ExecutionRecord:
    return execution(f"s3://bucket/code/{folder_name(digest_of_code(repository / 'training'))}/")


def test_the_commit_is_told_and_whether_it_is_all(repository: Path) -> None:
    commit = git(repository, "rev-parse", "HEAD")
    assert commit_of(of(repository), repository) == {"commit": commit, "changed": False}
    (repository / "notes.md").write_text("decides nothing")
    assert commit_of(of(repository), repository) == {"commit": commit, "changed": False}
    (repository / "training" / "train.py").write_text("print(1)\n")
    assert commit_of(of(repository), repository) == {"commit": commit, "changed": True}


def test_trials_of_a_search_have_their_code_in_an_archive(repository: Path) -> None:
    commit = git(repository, "rev-parse", "HEAD")
    archive = f"s3://bucket/code/{folder_of(pack(repository / 'training'))}/{ARCHIVE}"
    assert commit_of(execution(archive), repository) == {"commit": commit, "changed": False}


def test_other_training_code_than_the_executions_names_no_commit(repository: Path) -> None:
    record = execution("s3://bucket/code/0000000000000000/")
    assert commit_of(record, repository) == {"commit": None, "changed": None}


def test_no_repository_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "training").mkdir()
    assert commit_of(of(tmp_path), tmp_path) == {"commit": None, "changed": None}


def test_machine_and_versions_are_told() -> None:
    machine, versions = describe_machine(), describe_versions()
    assert machine["cores"] >= 1
    assert machine["memory_bytes"] > 1 << 28
    assert machine["processor"]
    assert {"python", "keras", "numpy"} <= versions.keys()
