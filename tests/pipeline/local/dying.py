"""`python dying.py before|after MODULE CLASS METHOD N ARGS…`: the command line with ARGS, which is killed (SIGKILL)
before or after the N-th call of a method. Run by test_crash_safety.py, for moments that are too short to be hit."""

from __future__ import annotations

import importlib
import itertools
import os
import signal
import sys
from typing import Any


def main(when: str, module: str, class_name: str, method: str, number: str, *words: str) -> int:
    owner = getattr(importlib.import_module(module), class_name)
    called = getattr(owner, method)
    count = itertools.count(1)

    def dying(*args: Any, **kwargs: Any) -> Any:
        last = next(count) == int(number)
        if last and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = called(*args, **kwargs)
        if last:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, method, dying)
    return int(importlib.import_module("pipeline.cli.main").main(words))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
