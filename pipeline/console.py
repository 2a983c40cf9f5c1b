"""What commands say beside their result."""

from __future__ import annotations

import sys


def say(text: str) -> None:
    """One line to the user, on standard error: standard output stays for results."""
    print(text, file=sys.stderr, flush=True)
