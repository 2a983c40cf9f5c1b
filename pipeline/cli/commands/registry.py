"""`registry`: list, show, approve, reject or promote the models of the target's Model Registry."""

from __future__ import annotations

import argparse
import os

from pipeline.cli.commands.registry_actions import (
    PROMOTE,
    STATUSES,
    carry_out,
    check_action,
    print_list,
    print_one,
    tell_promotion,
)
from pipeline.console import say
from pipeline.definition.settings import PROJECT
from pipeline.local.state.isolation import isolate
from pipeline.local.state.registry_state import RegistryState
from pipeline.local.state.state_dir import Home, home_from
from pipeline.local.state.store import Store
from pipeline.registry import REJECTED, find_package, packages_of_group, promotion, withdrawn
from pipeline.targets.local_outcome import report_file


def main(args: argparse.Namespace) -> int:
    """Carries out one action on the registry."""
    check_action(args)
    home = home_from(os.environ)
    if args.action == PROMOTE:
        return promote_local(args, home)
    if args.action not in STATUSES:
        return show_local(args, home)
    isolate(os.environ)

    from pipeline.targets.local import open_local

    with open_local(home, say) as target:

        def save() -> None:
            target.save_registry()
            if STATUSES[args.action] == REJECTED:
                leave_stage(RegistryState(target.store), args.version, args.group or PROJECT)

        return carry_out(
            args,
            target.registry(args.group or PROJECT),
            save,
            lambda execution_id: report_file(home, execution_id),
        )


def show_local(args: argparse.Namespace, home: Home) -> int:
    """Lists or shows what is in the local registry, from disk; returns 1 when not all of it could be read."""
    group = args.group or PROJECT
    faults: list[str] = []
    with Store(home) as store:
        records = RegistryState(store).readable_packages(faults)
        if not faults and (damage := store.database.damage()):
            faults.append(
                f"The state database {store.database.path} is damaged ({damage}). {store.database.remedy}"
            )
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


def leave_stage(registry: RegistryState, version: int, group: str) -> None:
    """Takes a rejected version from the stage that it may have been promoted to: moto knows no stages."""
    package = find_package(packages_of_group(registry.packages(), group), version, group)
    if package.life_cycle:
        registry.set_life_cycle(package.arn, withdrawn(package))


def promote_local(args: argparse.Namespace, home: Home) -> int:
    """Promotes a version of the local registry, which needs no server: moto knows no stages."""
    group = args.group or PROJECT
    with Store(home) as store:
        registry = RegistryState(store)
        package = find_package(packages_of_group(registry.packages(), group), args.version, group)
        registry.set_life_cycle(package.arn, promotion(package, args.to, args.note))
    tell_promotion(args, package)
    return show_local(args, home)
