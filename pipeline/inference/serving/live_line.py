"""A line that changes while something is waited for; where nobody looks, one at each change and each minute."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TextIO

from pipeline.formatting import duration

MINUTE = 60.0
_CLEAR = "\r\033[K"


@dataclass
class LiveLine:
    """What is going on with `subject`, on `stream`."""

    subject: str
    stream: TextIO
    _shown: str = ""
    _when: float = 0.0

    def show(self, state: str, seconds: float) -> None:
        """`state` since so many seconds."""
        line = f"{self.subject}: {state} ({duration(seconds)})"
        if self.stream.isatty():
            self.stream.write(f"{_CLEAR}{line}")
        elif state != self._shown or seconds - self._when >= MINUTE:
            self.stream.write(f"{line}\n")
            self._when = seconds
        else:
            return
        self._shown = state
        self.stream.flush()

    def end(self) -> None:
        """Leave the terminal's line free."""
        if self._shown and self.stream.isatty():
            self.stream.write(_CLEAR)
            self.stream.flush()
