"""`explain`: why a step of an execution was run, and not reused, or why it was not run."""

from __future__ import annotations

import argparse
import json
import os

from pipeline.local.engine.explain import explain
from pipeline.local.state.history import read_execution
from pipeline.local.state.state_dir import home_from
from pipeline.local.state.store import Store
from pipeline.printable import printable


def main(args: argparse.Namespace) -> int:
    """Reads the state folder; needs no lock and no services."""
    home = home_from(os.environ)
    with Store(home) as store:
        explanation = explain(home, store, read_execution(home, store, args.execution), args.step)
    if args.json:
        print(json.dumps(explanation.as_json(), indent=2))
        return 0
    text = "\n".join(map(printable, explanation.text.split("\n")))
    print(f"{text.removesuffix('.')}:" if explanation.changes else text)
    for change in explanation.changes:
        print(f"  {printable(str(change))}")
    return 0
