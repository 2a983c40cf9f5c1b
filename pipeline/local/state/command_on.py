"""How a user runs a command of the command line on a state folder, for messages that advise it."""

from __future__ import annotations

import os
import shlex
from pathlib import Path


def command_on(root: Path, words: str) -> str:
    """`python -m pipeline WORDS`, with FASHION_HOME if the state folder `root` is not that of this environment."""
    command = f"python -m pipeline {words}"
    usual = Path(os.environ.get("FASHION_HOME") or ".local").absolute()
    return command if root == usual else f"FASHION_HOME={shlex.quote(str(root))} {command}"
