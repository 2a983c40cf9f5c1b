"""`registry`: list, show, approve or reject the models of the local Model Registry."""

from __future__ import annotations

import argparse
import json
import os
import sys

from pipeline.console import say
from pipeline.errors import UsageError
from pipeline.local.home import home_from
from pipeline.local.isolation import isolate
from pipeline.settings import PROJECT

STATUSES = {"approve": "Approved", "reject": "Rejected"}


def main(args: argparse.Namespace) -> int:
    """Carries out one action on the registry."""
    if (args.version is None) != (args.action == "list"):
        expected = "no version" if args.action == "list" else "a version number"
        raise UsageError(
            f"Calling registry {args.action}: expected {expected}. Received: {args.version}. "
            "The versions are listed by: python -m pipeline registry list"
        )
    home = home_from(os.environ)
    isolate(os.environ)

    from pipeline.local_outcome import report_file
    from pipeline.local_target import open_local
    from pipeline.view.registry import print_package, print_packages

    with open_local(home, say) as target:
        registry = target.registry(args.group or PROJECT)
        if args.action == "list":
            packages = registry.packages()
            if args.json:
                print(json.dumps([package.as_json() for package in packages], indent=2))
            else:
                print_packages(registry.group, packages, sys.stdout)
            return 0
        if args.action in STATUSES:
            before = registry.set_approval(args.version, STATUSES[args.action])
            target.save_registry()
            say(f"Version {args.version}: {before.approval} → {STATUSES[args.action]}")
        package = registry.package(args.version)
        if args.json:
            print(json.dumps(package.as_json(), indent=2))
        else:
            report = report_file(home, package.metadata.get("execution_id", ""))
            print_package(registry.group, package, sys.stdout, report)
    return 0
