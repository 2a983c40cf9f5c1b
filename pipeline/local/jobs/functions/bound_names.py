"""The names that a Python file gives to something, found without running it."""

from __future__ import annotations

import ast
from pathlib import Path

from pipeline.shown import cut


def syntax_fault(file: Path) -> str | None:
    """Why `file` is not Python as this Python reads it, with the line; None when it is, or cannot be read."""
    try:
        ast.parse(file.read_bytes(), str(file))
    except SyntaxError as error:
        line = (error.text or "").strip()
        return f"{file}, line {error.lineno or 1}: {error.msg}" + (f": {cut(line, 80)}" if line else "")
    except ValueError as error:  # a null character, before Python 3.12
        return f"{file}: {error}"
    except (OSError, RecursionError, MemoryError):
        return None
    return None


def bound_names(file: Path) -> set[str] | None:
    """Every name that a statement of `file` binds, wherever it stands in it; None when they cannot be known: the
    file imports `*`, writes to `globals()`, has a `__getattr__`, or is not Python as this Python reads it."""
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, ValueError, SyntaxError, RecursionError, MemoryError):
        return None  # syntax_fault says more of it.
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
