"""What `monitor` was asked for, on every target: its arguments, and the retraining that drift leads to."""

from __future__ import annotations

import argparse
from typing import Any

from pipeline.cli.output_file import check_writable
from pipeline.console import say
from pipeline.definition.monitor_parameters import ALL_HOURS, MOST_HOURS
from pipeline.errors import UsageError
from pipeline.monitoring.outcome import DRIFT


def check(args: argparse.Namespace) -> None:
    """Raises UsageError for arguments that are wrong, or do not go together; DataError for unusable data."""
    if not ALL_HOURS <= args.hours <= MOST_HOURS:
        raise UsageError(f"--hours takes 1 to {MOST_HOURS} hours, or 0 for all there are (got {args.hours}).")
    if args.model is not None and args.model < 1:
        raise UsageError(f"--model takes a version's number, 1 or more (got {args.model}).")
    if args.capture == "" or args.endpoint == "":
        raise UsageError(
            "CAPTURE or --endpoint is empty. Name a folder or s3://BUCKET/FOLDER, or leave it out."
        )
    if args.data is not None and not args.retrain:
        raise UsageError(
            f"--data {args.data} goes with --retrain: the monitor itself reads no labelled data."
        )
    if args.any_data and args.data is None:
        raise UsageError("--any-data goes with --retrain --data DIR: it accepts any data set in DIR.")
    if args.result is not None:
        check_writable(args.result)
    if args.data is not None:
        from pipeline.dataset.check import check_folder

        # Now, and not when drift was found: that may be hours, or a run that costs money, later.
        check_folder(args.data, any_data=args.any_data)


def retrained(args: argparse.Namespace, status: int, drift: dict[str, Any] | None) -> int:
    """Trains anew where drift was found and --retrain says so; the exit status of it all, `status` without."""
    if drift is None or drift["verdict"] != DRIFT or not args.retrain:
        return status
    return retrain(args, drift["capture"]) or status


def retrain(args: argparse.Namespace, captured: str) -> int:
    """Runs the training pipeline because of what was captured there; its exit status.

    Captured requests have no labels: the data that it trains on are those of --data, or of any other run.
    """
    from pipeline.cli.parser import build_parser
    from pipeline.cli.targets import carry_out

    say(
        f"\nRetraining, because of what was captured in {captured}. Captured requests have no labels: this trains "
        f"on {args.data or 'the data set of every run'}."
    )
    return carry_out(build_parser().parse_args(words_of_run(args, captured)))


def words_of_run(args: argparse.Namespace, captured: str) -> list[str]:
    """The command that trains anew: with the gates of every run and MustBeatChampion, which asks for more."""
    words = ["run", "--target", args.target, "--launcher", args.launcher]
    words += ["--param", f"CapturedDataUri={captured}", "--param", "MustBeatChampion=true"]
    words += ["--data", str(args.data)] if args.data is not None else []
    words += ["--max-cost", str(args.max_cost)] if args.max_cost is not None else []
    return words + [
        flag
        for flag, given in (("--any-data", args.any_data), ("--plain", args.plain), ("--yes", args.yes))
        if given
    ]
