"""`rebuild`: put the state database together again, from what the state folder still holds."""

from __future__ import annotations

import argparse
import os

from pipeline.console import say
from pipeline.local.state.lock import exclusive
from pipeline.local.state.rebuilding import rebuild
from pipeline.local.state.state_dir import home_from


def main(args: argparse.Namespace) -> int:
    """Rebuilds, and says what is back and what is not; returns 1 when something could not be read."""
    home = home_from(os.environ)
    with exclusive(home, say):
        found = rebuild(home)
    for fault in found.faults:
        say(fault)
    for kept in found.executions.values():
        if kept.definition is None:
            say(f"Execution {kept.record.execution_id} has lost its definition: it cannot be resumed.")
    if found.aside is not None:
        say(f"The old files are kept in {found.aside}.")
    objects, packages = len(found.rows["object"]), len(found.rows["package"])
    print(
        f"Rebuilt {home.database}: executions {len(found.executions)}, objects {objects}, models {packages}."
    )
    return 1 if found.faults else 0
