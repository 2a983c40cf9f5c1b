"""`data`: find or fetch the data set, check it, and say where it lies."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from pipeline.dataset.choice import find_dataset
from pipeline.local.state.state_dir import home_from


def main(args: argparse.Namespace) -> int:
    """Prints the folder of the four checked IDX files."""
    variable = os.environ.get("FASHION_DATA")
    named = args.data or (Path(variable) if variable else None)
    print(find_dataset(named, home_from(os.environ).root / "data"))
    return 0
