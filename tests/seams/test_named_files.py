"""Every file of the project that its documentation, a docstring or a comment names is there."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("pipeline", "training", "processing", "infra", "tests", "docs")
# A path in this repository: tests/pipeline/spec/validation/rules, infra/stack.yaml.
PATH = re.compile(rf"(?<![\w./<{{$:-])(?:{'|'.join(FOLDERS)})(?:/[\w.-]+)*/[\w.-]*\w")
PROSE = ("*.md", "*.py", "Makefile", "*.toml", "*.yaml")
# Names that stand for any name.
MADE_UP = frozenset({"training/x"})


def files() -> list[str]:
    """The repository's files in which something may be named; tests name files of their own making."""
    listed = subprocess.run(["git", "ls-files", *PROSE], cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in listed.stdout.split() if not name.startswith("tests/")]


def named(text: str) -> set[str]:
    """The paths of this repository that `text` names."""
    return set(PATH.findall(text))


def is_there(path: str) -> bool:
    """Whether there is such a file, folder or module; docs/differences.md names tests by their place in tests/."""
    return any(
        (root / f"{path}{suffix}").exists() for root in (ROOT, ROOT / "tests") for suffix in ("", ".py")
    )


@pytest.mark.parametrize("file", files())
def test_every_file_that_is_named_is_there(file: str) -> None:
    text = (ROOT / file).read_text(encoding="utf-8")
    assert {path for path in named(text) if not is_there(path)} - MADE_UP == set()


def test_a_path_is_told_from_other_words() -> None:
    text = "see tests/seams, `docs/study/README.md`, arn:x:pipeline/name, https://a.b/docs/x, pipeline/nosuch.py."
    assert named(text) == {"tests/seams", "docs/study/README.md", "pipeline/nosuch.py"}
    assert not is_there("pipeline/nosuch.py")
    assert is_there("pipeline/cli")
