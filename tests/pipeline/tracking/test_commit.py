"""The git commit of the code that trained."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.analysis.evaluation import Evaluation
from pipeline.tracking.commit import commit_of_evaluation, training_code_digest

Make = Callable[..., Any]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    (tmp_path / "training").mkdir()
    (tmp_path / "training" / "train.py").write_text("print(1)\n")
    for words in (
        ["init", "-q"],
        ["add", "."],
        ["-c", "user.name=n", "-c", "user.email=e", "commit", "-qm", "m"],
    ):
        subprocess.run(["git", "-C", str(tmp_path), *words], check=True)
    return tmp_path


def trained_with(evaluation: Evaluation, digest: str) -> Evaluation:
    for candidate in evaluation["candidates"]:
        candidate["environment"]["code_digest"] = digest
    return evaluation


def head(repository: Path) -> str:
    words = ["git", "-C", str(repository), "rev-parse", "HEAD"]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()


def test_it_is_that_of_the_code_here(repository: Path, make_evaluation: Make) -> None:
    digest = training_code_digest(repository / "training")
    assert commit_of_evaluation(trained_with(make_evaluation(), digest), repository) == head(repository)


def test_it_is_marked_when_files_differ_from_it(repository: Path, make_evaluation: Make) -> None:
    (repository / "training" / "train.py").write_text("print(2)\n")
    digest = training_code_digest(repository / "training")
    found = commit_of_evaluation(trained_with(make_evaluation(), digest), repository)
    assert found == f"{head(repository)}-changed"


def test_other_code_has_none(repository: Path, make_evaluation: Make) -> None:
    assert commit_of_evaluation(make_evaluation(), repository) is None
    assert commit_of_evaluation(None, repository) is None


def test_without_git_there_is_none(tmp_path: Path, make_evaluation: Make) -> None:
    (tmp_path / "training").mkdir()
    digest = training_code_digest(tmp_path / "training")
    assert commit_of_evaluation(trained_with(make_evaluation(), digest), tmp_path) is None
