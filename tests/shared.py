"""What is dear to make is made once for all workers, by the first that asks for it, while the others wait."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], Any]) -> Any:
    """What `make` returned, to whichever worker of this run called it: JSON. It is given an empty folder for files.

    Whoever asks may only read what is there. What failed is made anew by the next that asks, in another folder.
    """
    base = factory.getbasetemp()
    # A worker's folder, popen-gw0, lies in that of the whole run. (The environment would tell of the worker within
    # which this run was started, too.)
    common = base.parent if base.name.startswith("popen-") else base
    told = common / f"shared-{name}.json"
    with told.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not told.exists():
            made = make(factory.mktemp(name))
            written = told.with_suffix(".part")
            written.write_text(json.dumps(made))
            written.rename(told)
        return json.loads(told.read_text())
