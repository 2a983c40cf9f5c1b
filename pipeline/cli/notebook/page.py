"""Pieces of HTML that cells show."""

from __future__ import annotations

import html
import textwrap
from collections.abc import Iterable, Sequence

from pipeline.formatting import plural
from pipeline.printable import printable

FRAME_HEIGHT = 900  # pixels
SHOWN_LINES = 12
TEXT_WIDTH = 100  # characters; those of a cell in a window of 1,000 pixels


def table(rows: Iterable[Sequence[str]]) -> str:
    """A table whose first column names what is in the second."""
    cells = "".join(
        f'<tr><th scope="row" style="text-align: left; padding-right: 1.5em">{escape(name)}</th>'
        f'<td style="text-align: left">{escape(value)}</td></tr>'
        for name, value in rows
    )
    return f"<table>{cells}</table>"


def frame(page: str, title: str) -> str:
    """A whole HTML page inside the cell, apart from the notebook: it can neither read nor change it."""
    return (
        f'<div><iframe title="{escape(title)}" srcdoc="{html.escape(page)}" sandbox="allow-popups allow-scripts" '
        f'style="width: 100%; height: {FRAME_HEIGHT}px; border: 1px solid #8888"></iframe></div>'
    )


def progress(picture: str, lines: Sequence[str], ended: bool = False) -> str:
    """A graph, and below it the latest lines of the run; once it has `ended`, the others too, folded away."""
    older = ""
    if ended and len(lines) > SHOWN_LINES:
        older = f"<details><summary>{plural(len(lines), 'line')}</summary>{listing(lines)}</details>"
    return f"{picture}{older}{listing(lines[-SHOWN_LINES:])}"


def listing(lines: Iterable[str]) -> str:
    """Lines one below the other."""
    said = "\n".join(escape(line) for line in lines)
    return f'<pre style="font-size: 12px; line-height: 1.4; margin-top: 8px">{said}</pre>'


def wrapped(text: str) -> str:
    """`text` with its sentences broken between words, where a notebook breaks them anywhere; tables as they are."""
    return "\n".join(
        line
        if "  " in line
        else textwrap.fill(line, TEXT_WIDTH, break_long_words=False, break_on_hyphens=False)
        for line in text.splitlines()
    )


def escape(text: str) -> str:
    """`text` as it may stand in HTML."""
    return html.escape(printable(text))
