"""Prints the models of the Model Registry: the list of a group's versions, and one in full."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from rich.text import Text

from pipeline.formatting import MISSING, percent
from pipeline.printable import printable
from pipeline.registry import Package
from pipeline.view.states import State
from pipeline.view.terminal import NARROW, make_table, open_console, print_fact, state_text

APPROVALS = {
    "Approved": State("✓", "approved", "cyan"),
    "Rejected": State("✗", "rejected", "red"),
    "PendingManualApproval": State("·", "pending approval", "yellow"),
}


def print_packages(group: str, packages: Sequence[Package], stream: TextIO) -> None:
    """One row a version, in the order given."""
    console = open_console(stream)
    if not packages:
        print_fact(
            console, "Registry", f"{group} has no versions yet. A run whose winner passes the gate adds one."
        )
        return
    wide = console.width >= NARROW
    table = make_table()
    table.add_column("version", no_wrap=True, justify="right")
    table.add_column("approval", no_wrap=True)
    staged = any(package.stage for package in packages)
    if staged:
        table.add_column("stage", no_wrap=True)
    table.add_column("test", no_wrap=True, justify="right")
    if wide:
        table.add_column("validation", no_wrap=True, justify="right")
        table.add_column("candidate", overflow="fold")
        table.add_column("execution", overflow="fold")
    for package in packages:
        row = [
            Text(str(package.version)),
            state_text(approval(package)),
            *([Text(printable(package.stage or MISSING))] if staged else []),
            Text(accuracy(package, "test_accuracy")),
        ]
        if wide:
            known = [package.metadata[key] for key in ("candidate", "seed") if key in package.metadata]
            row += [
                Text(accuracy(package, "validation_accuracy")),
                Text(printable("-".join(known) or MISSING)),
                Text(printable(package.metadata.get("execution_id", MISSING))),
            ]
        table.add_row(*row)
    console.print(Text(f"Model package group {printable(group)}", style="bold"))
    console.print(table)


def print_package(group: str, package: Package, stream: TextIO, report: Path | None = None) -> None:
    """Everything about one version; `report` is the report's file on this machine, if it is here."""
    console = open_console(stream)
    shown = approval(package)
    print_fact(console, "Version", f"{package.version} of {group}", style="bold")
    print_fact(console, "Approval", f"{shown.symbol} {shown.word}", style=shown.style)
    if package.stage:
        told = (
            package.stage,
            *(package.life_cycle.get(f"Stage{each}", "") for each in ("Status", "Description")),
        )
        print_fact(console, "Stage", printable(", ".join(filter(None, told))))
    print_fact(console, "ARN", package.arn)
    form = "" if package.archived else " (the files below it, as they are)"
    print_fact(console, "Model", f"{package.model_data}{form}" if package.model_data else MISSING)
    print_fact(console, "Image", package.image)
    print_fact(console, "Metrics", package.metrics or MISSING)
    print_fact(console, "Report", str(report or package.report or MISSING))
    for index, (name, value) in enumerate(sorted(package.metadata.items())):
        print_fact(console, "" if index else "Metadata", f"{name} = {value}")


def approval(package: Package) -> State:
    """How the package's approval status is shown."""
    return APPROVALS.get(package.approval, State("?", package.approval, ""))


def accuracy(package: Package, name: str) -> str:
    """An accuracy out of the package's metadata, where texts are kept."""
    try:
        return percent(float(package.metadata[name]))
    except (KeyError, ValueError):
        return MISSING
