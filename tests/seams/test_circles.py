"""No two files of a room import each other, not even in a function or by way of others: each can be read alone."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.spec.dependencies import cycles
from tests.seams.test_arrows import PIPELINE, imported_anywhere, relative


def circles(imports: Mapping[str, frozenset[str]]) -> list[str]:
    """The circles among files that import each other, each as "a → b → a"."""
    return [" → ".join(circle) for circle in cycles(imports)]


def test_no_files_import_each_other() -> None:
    files = set(PIPELINE)
    assert len(files) > 300
    imports = {
        relative(path): frozenset(map(relative, (imported_anywhere(path) & files) - {path})) for path in files
    }
    assert sum(map(len, imports.values())) > len(files)
    assert circles(imports) == []


def test_a_circle_is_found_whatever_is_between() -> None:
    imports = {"a": frozenset("b"), "b": frozenset("cd"), "c": frozenset("a"), "d": frozenset[str]()}
    assert circles(imports) == ["a → b → c → a"]
