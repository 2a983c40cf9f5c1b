"""The notebook as it is committed: short cells, no outputs, and settings that cost nothing and decide nothing."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import nbformat
import pytest

from pipeline.cli.notebook.opening import open_project
from pipeline.cli.notebook.project import graph_words, read_arguments

ROOT = Path(__file__).resolve().parents[4]
NOTEBOOK = ROOT / "pipeline" / "studio.ipynb"
LONGEST_CELL = 15  # lines


@pytest.fixture(scope="module")
def notebook() -> Any:
    return nbformat.read(NOTEBOOK, as_version=4)


def sources(notebook: Any) -> dict[str, str]:
    return {cell.id: cell.source for cell in notebook.cells if cell.cell_type == "code"}


def test_it_is_a_valid_notebook(notebook: Any) -> None:
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"


def test_no_output_is_committed(notebook: Any) -> None:
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert cell.outputs == [], cell.id
            assert cell.execution_count is None, cell.id
    assert set(notebook.metadata) <= {"kernelspec", "language_info"}


def test_cells_have_names_for_ids_and_stay_short(notebook: Any) -> None:
    for cell in notebook.cells:
        assert set(cell.id) <= set("abcdefghijklmnopqrstuvwxyz-"), cell.id
        assert len(cell.source.splitlines()) <= LONGEST_CELL, cell.id


def test_as_committed_it_runs_locally_and_neither_approves_nor_rejects(notebook: Any) -> None:
    (settings,) = (cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", []))
    values = {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in ast.parse(settings.source).body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    assert values == {"TARGET": "local", "PARAMS": "", "ARGS": "", "DECISION": "", "CAPTURE": ""}


def test_every_setting_is_used_by_another_cell(notebook: Any) -> None:
    cells = sources(notebook)
    del cells["settings"]
    used = {
        node.id
        for source in cells.values()
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Name)
    }
    assert {"TARGET", "PARAMS", "ARGS", "DECISION"} <= used


def test_a_kernel_that_is_too_old_is_told_what_to_do() -> None:
    with pytest.raises(RuntimeError, match=r"must have Python 3\.11 or later, not 3\.10"):
        open_project(ROOT, (3, 10))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("", []),
        ("--seeds 3 --no-cache", ["--seeds", "3"]),
        ("--parallel 2 --candidates=baseline,cnn-3x3 --data 3", ["--candidates=baseline,cnn-3x3"]),
        ("--instances 2 --data '/a folder' --seeds 2", ["--instances", "2", "--seeds", "2"]),
    ],
)
def test_the_graph_is_compiled_with_those_arguments_that_change_it(arguments: str, words: list[str]) -> None:
    read_arguments(arguments)
    assert graph_words(arguments) == words
