"""`smoke`: asks an endpoint, or a server, for a held sample: is it right often enough, and fast enough?"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.console import say
from pipeline.local.state.state_dir import home_from
from pipeline.printable import json_text

if TYPE_CHECKING:
    from pipeline.inference.serving.smoke import Wanted


def main(args: argparse.Namespace) -> int:
    """Measures, says what came out, and ends with 1 when something was missed."""
    from pipeline.cli.commands.invoke import transport_of
    from pipeline.inference.serving.smoke import check, held_sample, measure

    wanted = wanted_of(args)
    sample = held_sample(data_folder(args.data), wanted.images)
    transport = transport_of(args)
    measured = measure(transport, sample)
    if args.json:
        print(json_text({"asked": transport.name, **measured.as_json(), "missed": measured.misses(wanted)}))
    else:
        print(f"{transport.name}: {measured}")
    check(measured, wanted, transport.name)
    return 0


def wanted_of(args: argparse.Namespace) -> Wanted:
    """What the command line asks for. Raises UsageError for values that make no sense."""
    from pipeline.inference.serving.smoke import Wanted

    return Wanted(args.images, args.min_accuracy, args.max_latency)


def data_folder(named: Path | None) -> Path:
    """The folder that is named, else where the data set is, which is fetched if need be."""
    from pipeline.dataset.choice import find_dataset

    named = named or (Path(os.environ["FASHION_DATA"]) if os.environ.get("FASHION_DATA") else None)
    return named or find_dataset(None, home_from(os.environ).root / "data", progress=say)
