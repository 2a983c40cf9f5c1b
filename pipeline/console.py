"""What commands say beside their result."""

from __future__ import annotations

import io
import sys

from pipeline.printable import without_userinfo


def write_what_can_be_written() -> None:
    """Makes both streams write a question mark for a character that they cannot encode, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="replace")


def say(text: str) -> None:
    """One line to the user, on standard error: standard output stays for results.

    In one call: two threads, or two processes with one log, do not write into each other's lines. No password of a
    URL is told.
    """
    sys.stderr.write(f"{without_userinfo(text)}\n")
    sys.stderr.flush()
