"""What docker compose prints while a job runs, as the lines of the job's log."""

from __future__ import annotations

import io
import re

from pipeline.local.jobs.joblog import JobLog

# Colours and cursor movements; version 1 of compose prints them even into a pipe.
_CONTROLS = r"(?:\x1b\[[0-9;]*[A-Za-z])*"
# "abc-algo-1-xyz  | text": compose puts the container's name before each line of the container's output.
_FROM_CONTAINER = re.compile(rf"^{_CONTROLS}[\w.-]*algo-\d+-\w+ *\|{_CONTROLS} ?")


class ComposeOutput(io.TextIOBase):
    """Stands in for standard output while the SDK copies compose's output there."""

    def __init__(self, log: JobLog) -> None:
        super().__init__()
        self._log = log
        self._partial = ""
        # How many lines of the container's own came through.
        self.lines = 0

    def writable(self) -> bool:
        """True, as of every output."""
        return True

    def write(self, text: str) -> int:
        """Take output as the SDK reads it."""
        *lines, self._partial = (self._partial + text).split("\n")
        for line in lines:
            self._take(line.rstrip("\r"))
        return len(text)

    def complete(self, whole: str) -> None:
        """Add what is missing of `whole`, all that the container wrote.

        The SDK stops reading when compose has ended, whether or not there is more to read.
        """
        if self._partial:
            self._take(self._partial)
            self._partial = ""
        for line in whole.split("\n")[self.lines :] if whole else ():
            self._log.feed(f"{line}\n".encode())

    def _take(self, line: str) -> None:
        found = _FROM_CONTAINER.match(line)
        if found:
            self.lines += 1
            self._log.feed(f"{line[found.end() :]}\n".encode())
        elif said := re.sub(_CONTROLS, "", line).strip():
            self._log.feed(f"[docker compose] {said}\n".encode())
