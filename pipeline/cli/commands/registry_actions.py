"""What `registry` does and prints, whichever registry it is."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.console import say
from pipeline.errors import UsageError
from pipeline.printable import json_text
from pipeline.registry import STAGES

if TYPE_CHECKING:
    from pipeline.registry import Package, Registry

PROMOTE = "promote"
STATUSES = {"approve": "Approved", "reject": "Rejected"}


def carry_out(
    args: argparse.Namespace,
    registry: Registry,
    save: Callable[[], None],
    report_of: Callable[[str], Path | None],
) -> int:
    """Carries out the action on `registry`; returns the exit status.

    `save` makes its changes last; `report_of` finds the report of an execution on this machine.
    """
    if args.action == "list":
        print_list(args, registry.group, registry.packages())
        return 0
    if args.action in STATUSES:
        before = registry.set_approval(args.version, STATUSES[args.action])
        save()
        say(f"Version {args.version}: {before.approval} → {STATUSES[args.action]}")
    if args.action == PROMOTE:
        tell_promotion(args, registry.promote(args.version, args.to, args.note))
    print_one(args, registry.group, registry.package(args.version), report_of)
    return 0


def print_list(args: argparse.Namespace, group: str, packages: Sequence[Package]) -> None:
    """Prints the versions of the group, newest first."""
    from pipeline.view.registry import print_packages

    if args.json:
        print(json_text([package.as_json() for package in packages]))
    else:
        print_packages(group, packages, sys.stdout)


def print_one(
    args: argparse.Namespace, group: str, package: Package, report_of: Callable[[str], Path | None]
) -> None:
    """Prints one version in full."""
    from pipeline.view.registry import print_package

    if args.json:
        print(json_text(package.as_json()))
    else:
        report = report_of(package.metadata.get("execution_id", ""))
        print_package(group, package, sys.stdout, report)


def tell_promotion(args: argparse.Namespace, before: Package) -> None:
    """Says what has changed."""
    say(f"Version {args.version}: {before.stage or 'no stage'} → {args.to}")


def check_action(args: argparse.Namespace) -> None:
    """Raises UsageError for arguments that do not belong to the action."""
    if (args.version is None) != (args.action == "list"):
        expected = "no version" if args.action == "list" else "a version number"
        raise UsageError(
            f"registry {args.action} takes {expected} (got {args.version}). The versions are listed by: "
            "python -m pipeline registry list"
        )
    if args.action == PROMOTE:
        if args.to is None:
            raise UsageError(
                f"Say where to promote version {args.version} to: --to {' or --to '.join(STAGES)}."
            )
        return
    given = [flag for flag, value in (("--to", args.to), ("--note", args.note)) if value]
    if given:
        raise UsageError(
            f"registry {args.action} takes no {' and no '.join(given)}, which {PROMOTE} alone does."
        )
