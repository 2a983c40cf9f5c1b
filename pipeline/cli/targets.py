"""Which module carries out a command on which target, and which flags a target lacks: commands part here alone."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pipeline.errors import UsageError
from pipeline.execution import LOCAL

# These have a module of their own for --target sagemaker; the others do the same on every target.
ON_SAGEMAKER: Final = frozenset(
    (
        "batch",
        "definition",
        "executions",
        "logs",
        "mlflow",
        "monitor",
        "registry",
        "report",
        "resume",
        "run",
        "show",
        "stop",
    )
)

# The flags that one target alone has, and what is so on the other.
ONLY_LOCAL: Mapping[str, str] = {
    "--launcher": "every job runs in a container",
    "--python": "jobs have the Python of their container",
    "--stand-in": "the images run",
    "--definition": "this project's own pipeline runs",
    "--upload": "this project's own pipeline runs",
    "--handler": "functions are AWS Lambda's",
}
_FREE = "a run costs nothing, and each command is a run of its own"
ONLY_SAGEMAKER: Mapping[str, str] = {
    "--yes": _FREE,
    "--max-cost": _FREE,
    "--again": _FREE,
    "--pipeline-version": _FREE,
    "--follow": "the command that runs an execution shows it",
    "--instance-type": "this machine is the instance",
}
OWN_MODULES: Mapping[str, frozenset[str]] = {"sagemaker": ON_SAGEMAKER}
OWN_FLAGS: Mapping[str, Mapping[str, str]] = {"local": ONLY_LOCAL, "sagemaker": ONLY_SAGEMAKER}
# Other words for a target with a launcher.
ALIASES: Mapping[str, tuple[str, str]] = {"docker": ("local", "container")}


def carry_out(args: argparse.Namespace) -> int:
    """Carries out the command of parsed arguments on their target; returns the exit status.

    Raises UsageError for a flag that the target does not have.
    """
    if "target" in args:
        name_the_launcher(args)
        refuse_flags(args)
    status: int = importlib.import_module(module_of(args.command, getattr(args, "target", LOCAL))).main(args)
    return status


def name_the_launcher(args: argparse.Namespace) -> None:
    """Where the target is another word for one with a launcher (`docker`), puts these in its place.

    Raises:
        UsageError: another launcher is asked for as well.
    """
    if args.target not in ALIASES:
        return
    target, launcher = ALIASES[args.target]
    asked = getattr(args, "launcher", "auto")
    if asked not in ("auto", launcher):
        raise UsageError(
            f"--target {args.target} runs jobs in containers, and --launcher {asked} does not. Leave one of them "
            "out."
        )
    args.target, args.launcher = target, launcher


def module_of(command: str, target: str) -> str:
    """The dotted name of the module whose `main` is the command on the target."""
    name = command.replace("-", "_")
    room = f".on_{target}" if name in OWN_MODULES.get(target, ()) else ""
    return f"pipeline.cli.commands{room}.{name}"


def refuse_flags(args: argparse.Namespace) -> None:
    """Raises UsageError for a flag that was given and that the target does not have."""
    others = {target: flags for target, flags in OWN_FLAGS.items() if target != args.target}
    for there, flag, why in ((there, *each) for there, flags in others.items() for each in flags.items()):
        value = getattr(args, flag.strip("-").replace("-", "_"), None)
        if value in (None, False, 0, "auto", []):
            continue
        if isinstance(value, list):
            (value, *_) = value
        shown = f" {value}" if isinstance(value, str | Path) else ""
        raise UsageError(
            f"{flag}{shown} goes with --target {there}; with --target {args.target} {why}. Leave it out."
        )
