"""`registry`: list, show, approve, reject or promote the models of the target's Model Registry."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.console import say
from pipeline.errors import UsageError
from pipeline.local.state.database import REBUILD
from pipeline.local.state.isolation import isolate
from pipeline.local.state.registry_state import RegistryState
from pipeline.local.state.state_dir import Home, home_from
from pipeline.local.state.store import Store
from pipeline.local_outcome import report_file
from pipeline.printable import json_text
from pipeline.registry import STAGES, find_package, packages_of_group, promotion
from pipeline.settings import PROJECT

if TYPE_CHECKING:
    from pipeline.registry import Package, Registry

PROMOTE = "promote"
STATUSES = {"approve": "Approved", "reject": "Rejected"}


def main(args: argparse.Namespace) -> int:
    """Carries out one action on the registry."""
    if (args.version is None) != (args.action == "list"):
        expected = "no version" if args.action == "list" else "a version number"
        raise UsageError(
            f"Calling registry {args.action}: expected {expected}. Received: {args.version}. "
            "The versions are listed by: python -m pipeline registry list"
        )
    if (args.to is None) != (args.action != PROMOTE) or (args.note and args.to is None):
        raise UsageError(
            f"registry {args.action} takes no --to or --note."
            if args.action != PROMOTE
            else f"Say where to promote version {args.version} to: --to {' or --to '.join(STAGES)}."
        )
    if args.target == "sagemaker":
        from pipeline.commands import on_sagemaker

        return on_sagemaker.registry(args)
    home = home_from(os.environ)
    if args.action == PROMOTE:
        return promote_local(args, home)
    if args.action not in STATUSES:
        return show_local(args, home)
    isolate(os.environ)

    from pipeline.local_target import open_local

    with open_local(home, say) as target:
        return carry_out(
            args,
            target.registry(args.group or PROJECT),
            target.save_registry,
            lambda execution_id: report_file(home, execution_id),
        )


def show_local(args: argparse.Namespace, home: Home) -> int:
    """Lists or shows what is in the local registry, from disk; returns 1 when not all of it could be read."""
    group = args.group or PROJECT
    faults: list[str] = []
    with Store(home) as store:
        records = RegistryState(store).readable_packages(faults)
        if not faults and (damage := store.database.damage()):
            faults.append(f"The state database {store.database.path} is damaged ({damage}). {REBUILD}")
    packages = packages_of_group(records, group)
    for fault in faults:
        say(fault)
    if args.action == "list":
        if packages or not faults:
            print_list(args, group, packages)
    else:
        package = find_package(packages, args.version, group)
        print_one(args, group, package, lambda execution_id: report_file(home, execution_id))
    return 1 if faults else 0


def promote_local(args: argparse.Namespace, home: Home) -> int:
    """Promotes a version of the local registry, which needs no server: moto knows no stages."""
    group = args.group or PROJECT
    with Store(home) as store:
        registry = RegistryState(store)
        package = find_package(packages_of_group(registry.packages(), group), args.version, group)
        registry.set_life_cycle(package.arn, promotion(package, args.to, args.note))
    tell_promotion(args, package)
    return show_local(args, home)


def tell_promotion(args: argparse.Namespace, before: Package) -> None:
    """Says what has changed."""
    say(f"Version {args.version}: {before.stage or 'no stage'} → {args.to}")


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
