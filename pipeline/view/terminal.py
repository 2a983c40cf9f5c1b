"""Where results are printed: a rich console that writes text as it is, and what more than one table needs."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline.printable import printable
from pipeline.view.states import State

# A pipe has no width: wide enough for every table, narrow enough for a log viewer.
PIPE_WIDTH = 100
# Below this many columns the tables become lists.
NARROW = 72


class PipeConsole(Console):
    """A console that goes on in silence when its reader goes away: the exit status stays the command's."""

    def on_broken_pipe(self) -> None:
        """Rich would end the process, with status 1."""
        self.quiet = True
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.file.fileno())
        os.close(nowhere)


def open_console(stream: TextIO) -> Console:
    """A console on `stream`, with colours only if it is a terminal that has them.

    A character that the stream cannot encode becomes a question mark.
    """
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="replace")
    width = None if stream.isatty() else PIPE_WIDTH
    return PipeConsole(file=stream, width=width, highlight=False, markup=False, emoji=False)


def make_table(gap: int = 2) -> Table:
    """An empty table in the style of all tables here; `gap` columns lie between its own."""
    return Table(box=None, padding=(0, gap, 0, 0), pad_edge=False, header_style="dim")


def state_text(state: State) -> Text:
    """A state's symbol and word."""
    return Text(f"{state.symbol} {state.word}", style=state.style)


def print_fact(console: Console, label: str, text: str | Path, style: str = "") -> None:
    """A label and a text, which a terminal may wrap but no line break divides: paths and ARNs can be copied."""
    line = Text(f"{label:<12}", style="dim")
    line.append(printable(str(text)), style=style)
    console.print(line, soft_wrap=True)
