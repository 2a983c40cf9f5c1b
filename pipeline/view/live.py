"""The live view on a terminal: the table of steps, redrawn in place four times a second."""

from __future__ import annotations

from contextlib import suppress
from types import TracebackType
from typing import Self, TextIO

from rich.console import Console, RenderableType
from rich.live import Live

from pipeline.execution import ExecutionRecord
from pipeline.local.state.clock import now
from pipeline.view.board import Board
from pipeline.view.steptable import render

REDRAWS_PER_SECOND = 4


class LiveView:
    """An execution.Observer and a context manager; what others print meanwhile appears above the table."""

    def __init__(self, stream: TextIO) -> None:
        self._board = Board()
        self._ended = False
        self._console = Console(file=stream, highlight=False)
        self._live = Live(
            get_renderable=self._render, console=self._console, refresh_per_second=REDRAWS_PER_SECOND
        )

    def __enter__(self) -> Self:
        self._live.start(refresh=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # The last drawing stays on the screen, with every step.
        self._ended = True
        # A terminal that was closed takes no last drawing; the execution's end matters more.
        with suppress(OSError):
            self._live.stop()

    def execution_changed(self, execution: ExecutionRecord) -> None:
        """Keeps the record for the next drawing."""
        self._board.execution_changed(execution)

    def log_line(self, step: str, line: str) -> None:
        """Keeps the progress that the line tells, if it does."""
        self._board.log_line(step, line)

    def _render(self) -> RenderableType:
        size = self._console.size
        return render(self._board.snapshot(), now(), size.width, None if self._ended else size.height)
