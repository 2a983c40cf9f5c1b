"""The names that a Python file gives to something, found without running it."""

from __future__ import annotations

import ast
from pathlib import Path


def bound_names(file: Path) -> set[str] | None:
    """Every name that a statement of `file` binds, wherever it stands in it; None when they cannot be known: the
    file imports `*`, writes to `globals()`, has a `__getattr__`, or is not Python as this Python reads it."""
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, ValueError, SyntaxError, RecursionError, MemoryError):
        return None
    names: set[str] = set()
    used: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.alias):
            names.add(node.asname or node.name.partition(".")[0])
        elif isinstance(node, ast.Name):
            (used if isinstance(node.ctx, ast.Load) else names).add(node.id)
    open_ended = "*" in names or "__getattr__" in names or used & {"globals", "vars", "exec", "setattr"}
    return None if open_ended else names
