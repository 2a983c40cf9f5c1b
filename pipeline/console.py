"""What commands say beside their result."""

from __future__ import annotations

import sys

from pipeline.printable import without_userinfo


def say(text: str) -> None:
    """One line to the user, on standard error: standard output stays for results.

    In one call: two threads, or two processes with one log, do not write into each other's lines. No password of a
    URL is told.
    """
    sys.stderr.write(f"{without_userinfo(text)}\n")
    sys.stderr.flush()
