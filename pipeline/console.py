"""What commands say beside their result."""

from __future__ import annotations

import sys


def say(text: str) -> None:
    """One line to the user, on standard error: standard output stays for results.

    In one call: two threads, or two processes with one log, do not write into each other's lines.
    """
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
