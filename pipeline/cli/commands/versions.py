"""`versions`: list the pipeline's versions in SageMaker, name one, or go back to one."""

from __future__ import annotations

import argparse
import os
import re
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

from pipeline.console import say
from pipeline.errors import UsageError
from pipeline.printable import json_text, printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.targets.aws.versions import Version


def main(args: argparse.Namespace) -> int:
    """Carries out one action on the versions of the stack's pipeline."""
    check(args)
    from pipeline.targets.aws.versions import Label, Versions
    from pipeline.targets.sagemaker import open_sagemaker

    target = open_sagemaker(os.environ)
    name = target.stack.pipeline_name
    versions = Versions(target.client, name)
    if args.action == "list":
        found = versions.all()
        if args.json:
            print(json_text([{**asdict(each), "created": each.created.isoformat()} for each in found]))
        else:
            print_versions(found)
        return 0
    version = versions.find(args.version)
    if args.action == "alias":
        versions.name(args.alias, version)
        print(
            f"{args.alias} is {version}. Start it with: run --target sagemaker --pipeline-version {args.alias}"
        )
        return 0
    label = Label(f"as-version-{version.number}", f"Version {version.number} again. {version.about}".strip())
    done = target.upsert_definition(versions.definition(version), label)
    if done == "unchanged":
        print(f"The newest version is the same as {version}: nothing to change.")
        return 0
    print(
        f"{version.number} is the newest again: schedules start it from now on. It is listed as {label.name}."
    )
    say("The next run of this code makes its own definition the newest; go back in git, too.")
    return 0


def check(args: argparse.Namespace) -> None:
    """Raises UsageError for words that do not go with the action."""
    if (args.version is None) != (args.action == "list"):
        needs = "takes no version" if args.action == "list" else "needs a version: its number, or an alias"
        raise UsageError(f"versions {args.action} {needs} (got {args.version or 'none'}).")
    if (args.alias is None) != (args.action != "alias"):
        needs = "needs a name: --as NAME" if args.action == "alias" else f"takes no --as (got {args.alias})"
        raise UsageError(f"versions {args.action} {needs}.")
    if args.alias is not None and not re.fullmatch(r"(?![0-9]+$)[a-zA-Z0-9._-]{1,128}", args.alias):
        raise UsageError(
            f"An alias has 1 to 128 letters, digits, points, hyphens and underscores, and not digits alone "
            f"(got {args.alias!r})."
        )


def print_versions(versions: Sequence[Version]) -> None:
    """One row a version, the newest first."""
    from rich.text import Text

    from pipeline.view.terminal import make_table, open_console

    console = open_console(sys.stdout)
    table = make_table()
    for heading in ("version", "created", "commit", "aliases", "last execution"):
        table.add_column(heading, overflow="fold")
    for each in versions:
        texts = (
            str(each.number),
            each.created.astimezone().strftime("%Y-%m-%d %H:%M"),
            each.name,
            " ".join(each.aliases),
            each.execution,
        )
        table.add_row(*(Text(printable(text)) for text in texts))
    console.print(table)
