"""docs/differences.md: each row has a version and a source, and names tests and findings that there are."""

from __future__ import annotations

import ast
import re
from functools import cache
from importlib.metadata import PackagePath, files
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "differences.md"
COLUMNS = ["what", "local engine", "SDK's local mode 3.27.0", "moto 5.2.5", "SageMaker", "source", "held by"]


def rows() -> list[list[str]]:
    """The cells of every row of every table, without headings."""
    lines = [
        line for line in PAGE.read_text().splitlines() if line.startswith("|") and not line.startswith("|---")
    ]
    return [cells for line in lines if (cells := split(line)) != COLUMNS]


def split(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split(" | ")]


@cache
def functions_of(path: Path) -> set[str]:
    """The names of the test functions of a file, none if it is not there."""
    if not path.is_file():
        return set()
    return {
        node.name
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def test_there_are_rows_enough_and_no_two_say_the_same() -> None:
    subjects = [row[0] for row in rows()]
    assert len(subjects) >= 25
    assert len(set(subjects)) == len(subjects)


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0])
def test_a_row_is_held_by_tests_that_there_are(row: list[str]) -> None:
    assert len(row) == len(COLUMNS)
    assert all(row)
    named = [match.group(1).split("::") for match in re.finditer(r"`([^`]+::[^`]+)`", row[-1])]
    assert named
    for path, test in named:
        assert test in functions_of(ROOT / "tests" / path), f"{path}::{test} is not there"


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0])
def test_a_row_says_where_it_is_from(row: list[str]) -> None:
    source = row[-2]
    assert re.search(r"measured|AWS: \"[^\"]+\"|sagemaker 3\.27\.0, `sagemaker\.[^`]+`", source)
    for script in re.findall(r"findings/\S+\.sh", source):
        assert (ROOT / script).is_file()


def test_the_versions_are_those_that_are_installed() -> None:
    locked = (ROOT / "requirements.lock").read_text()
    for name, version in (("sagemaker", "3.27.0"), ("moto", "5.2.5")):
        assert re.search(rf"^{name}(\[[^\]]*\])?=={re.escape(version)}\b", locked, re.MULTILINE)


def test_the_sdks_modules_are_there() -> None:
    modules = {
        name for row in rows() for name in re.findall(r"sagemaker 3\.27\.0, `(sagemaker\.[^`]+)`", row[-2])
    }
    assert modules
    there = {str(file) for file in distribution_files("sagemaker-core", "sagemaker-mlops")}
    assert not {name for name in modules if f"{name.replace('.', '/')}.py" not in there}


def distribution_files(*names: str) -> list[PackagePath]:
    return [file for name in names for file in files(name) or ()]
