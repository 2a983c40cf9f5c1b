"""`registry`: list, show, approve or reject the models of the target's Model Registry."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.console import say
from pipeline.errors import UsageError
from pipeline.local.home import home_from
from pipeline.local.isolation import isolate
from pipeline.settings import PROJECT

if TYPE_CHECKING:
    from pipeline.registry import Registry

STATUSES = {"approve": "Approved", "reject": "Rejected"}


def main(args: argparse.Namespace) -> int:
    """Carries out one action on the registry."""
    if (args.version is None) != (args.action == "list"):
        expected = "no version" if args.action == "list" else "a version number"
        raise UsageError(
            f"Calling registry {args.action}: expected {expected}. Received: {args.version}. "
            "The versions are listed by: python -m pipeline registry list"
        )
    if args.target == "sagemaker":
        from pipeline.commands import on_sagemaker

        return on_sagemaker.registry(args)
    home = home_from(os.environ)
    isolate(os.environ)

    from pipeline.local_outcome import report_file
    from pipeline.local_target import open_local

    with open_local(home, say) as target:
        return carry_out(
            args,
            target.registry(args.group or PROJECT),
            target.save_registry,
            lambda execution_id: report_file(home, execution_id),
        )


def carry_out(
    args: argparse.Namespace,
    registry: Registry,
    save: Callable[[], None],
    report_of: Callable[[str], Path | None],
) -> int:
    """Carries out the action on `registry`; returns the exit status.

    `save` makes its changes last; `report_of` finds the report of an execution on this machine.
    """
    from pipeline.view.registry import print_package, print_packages

    if args.action == "list":
        packages = registry.packages()
        if args.json:
            print(json.dumps([package.as_json() for package in packages], indent=2))
        else:
            print_packages(registry.group, packages, sys.stdout)
        return 0
    if args.action in STATUSES:
        before = registry.set_approval(args.version, STATUSES[args.action])
        save()
        say(f"Version {args.version}: {before.approval} → {STATUSES[args.action]}")
    package = registry.package(args.version)
    if args.json:
        print(json.dumps(package.as_json(), indent=2))
    else:
        report = report_of(package.metadata.get("execution_id", ""))
        print_package(registry.group, package, sys.stdout, report)
    return 0
