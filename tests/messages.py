"""Prints every message of the product, to be read in one go: `python tests/messages.py [FOLDER]…`.

A message is a text of three words or more in the product's code that is no docstring: what is raised, printed,
logged or shown as help. It is found in the syntax tree: pieces joined across lines are one text, with `{…}` for
the values.
"""

from __future__ import annotations

import ast
import re
import sys
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PRODUCT = ("pipeline", "training", "processing", "infra")
# Other languages with words between spaces.
NO_PROSE = re.compile(
    r"\s*(?:SELECT|INSERT|UPDATE|DELETE|CREATE|ALTER|PRAGMA|WITH|BEGIN|DROP)\s[A-Z_a-z(]|\s*[<:]"
)
WORD = re.compile(r"(?:(?<=[\s(“])|^)[A-Za-z][a-z']*(?=[\s,.:;!?)”]|$)")
FEWEST_WORDS = 3


@dataclass(frozen=True)
class Message:
    """One text and its place: the lines in `file`, relative to the repository, from `line` to `end`."""

    file: str
    line: int
    end: int
    text: str


def messages(folders: Sequence[str] = PRODUCT, fewest_words: int = FEWEST_WORDS) -> Iterator[Message]:
    """Every message in the Python files below `folders`, by file and line."""
    for folder in folders:
        root = ROOT / folder
        for path in [root] if root.is_file() else sorted(root.rglob("*.py")):
            yield from in_source(path.read_text(encoding="utf-8"), str(path.relative_to(ROOT)), fewest_words)


def in_source(source: str, file: str, fewest_words: int = FEWEST_WORDS) -> Iterator[Message]:
    """The messages of one file: the texts of at least so many words."""
    tree = ast.parse(source)
    docstrings = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in _outermost(tree):
        text = _text(node)
        if id(node) not in docstrings and is_prose(text, fewest_words):
            yield Message(file, node.lineno, node.end_lineno or node.lineno, text)


def is_prose(text: str, fewest_words: int = FEWEST_WORDS) -> bool:
    """Whether somebody reads it: a sentence or a part of one, no name, no pattern, no SQL, no HTML."""
    return len(WORD.findall(text)) >= fewest_words and not NO_PROSE.match(text)


def _outermost(node: ast.AST) -> Iterator[ast.Constant | ast.JoinedStr]:
    """The texts in the order of the source, without the pieces of an f-string, but with the texts in its values."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.JoinedStr):
            yield child
            for value in child.values:
                if isinstance(value, ast.FormattedValue):
                    yield from _outermost(value.value)
        elif isinstance(child, ast.Constant) and isinstance(child.value, str):
            yield child
        else:
            yield from _outermost(child)


def _text(node: ast.Constant | ast.JoinedStr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    return "".join(
        f"{{{_value(part)}}}" if isinstance(part, ast.FormattedValue) else str(getattr(part, "value", ""))
        for part in node.values
    )


def _value(part: ast.FormattedValue) -> str:
    conversion = f"!{chr(part.conversion)}" if part.conversion > 0 else ""
    form = f":{_text(part.format_spec)}" if isinstance(part.format_spec, ast.JoinedStr) else ""
    return f"{ast.unparse(part.value)}{conversion}{form}"


def main(folders: Sequence[str]) -> int:
    """Prints the messages, each below its place."""
    for message in messages(folders or PRODUCT):
        print(f"{message.file}:{message.line}", textwrap.indent(message.text, "    "), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
