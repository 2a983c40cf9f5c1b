"""How a command talks to whoever runs it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Talk:
    """`show` prints a line of the result, `say` one of progress; `ask` returns an answer; None: nobody is there."""

    show: Callable[[str], None]
    say: Callable[[str], None]
    ask: Callable[[str], str] | None
