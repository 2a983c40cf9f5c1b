"""Shows an execution while it runs: a live table on a terminal, plain lines elsewhere; and what is over, as tables.

Begin at `open_view` below; `executions.py` and `leaderboard.py` show what is over. May import `analysis` and the
local mode's `state`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TextIO

from pipeline.execution import Observer


@contextmanager
def open_view(
    stream: TextIO, plain: bool | None = None, environ: Mapping[str, str] | None = None
) -> Iterator[Observer]:
    """An observer that shows on `stream` what it is told, until the block ends.

    `plain` True or False forces plain lines or the live table; None chooses (see wants_plain).
    """
    if plain is None:
        plain = wants_plain(stream, os.environ if environ is None else environ)
    if plain:
        from pipeline.view.plain import PlainView

        yield PlainView(stream)
    else:
        from pipeline.view.live import LiveView

        with LiveView(stream) as view:
            yield view


def wants_plain(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether plain lines suit `stream` better than a table that redraws itself.

    They do when it is no terminal, cannot show the table's symbols, or NO_COLOR, CI or TERM ask for them.
    """
    unicode = (stream.encoding or "").lower().replace("-", "").startswith("utf")
    return (
        not stream.isatty()
        or not unicode
        or environ.get("NO_COLOR", "") != ""
        or environ.get("CI", "").lower() not in ("", "0", "false")
        or environ.get("TERM", "dumb").lower() in ("", "dumb", "unknown")
    )
