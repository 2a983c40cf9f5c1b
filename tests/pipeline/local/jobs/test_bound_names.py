"""What a file is known to define, and when that is not known."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.local.jobs.functions.bound_names import bound_names


def names_of(tmp_path: Path, text: str) -> set[str] | None:
    (tmp_path / "file.py").write_text(text)
    return bound_names(tmp_path / "file.py")


def test_names_come_from_definitions_assignments_and_imports(tmp_path: Path) -> None:
    text = (
        "import a.b, c as d\nfrom e import f\ng, h = 1, 2\nasync def i(): pass\nclass J: pass\n"
        "try:\n    def k(): pass\nexcept E: pass\nprint(l)\n"
    )
    assert names_of(tmp_path, text) == {"a", "d", "f", "g", "h", "i", "J", "k"}


@pytest.mark.parametrize(
    "text",
    [
        "from a import *",
        "def __getattr__(name): return print",
        "globals()['a'] = 1",
        "exec('a = 1')",
        "this is no Python",
        "a = '\0'",
    ],
)
def test_what_only_running_it_tells_is_not_guessed(tmp_path: Path, text: str) -> None:
    assert names_of(tmp_path, text) is None
