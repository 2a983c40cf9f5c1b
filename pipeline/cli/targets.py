"""Which module carries out a command on which target, and which flags a target lacks: commands part here alone."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Mapping
from pathlib import Path

from pipeline.errors import UsageError

# These have a module of their own for --target sagemaker; the others do the same on every target.
ON_SAGEMAKER = frozenset(
    (
        "batch",
        "definition",
        "executions",
        "logs",
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


def carry_out(args: argparse.Namespace) -> int:
    """Carries out the command of parsed arguments on their target; returns the exit status.

    Raises UsageError for a flag that the target does not have.
    """
    if "target" in args:
        refuse_flags(args)
    status: int = importlib.import_module(module_of(args.command, getattr(args, "target", "local"))).main(
        args
    )
    return status


def module_of(command: str, target: str) -> str:
    """The dotted name of the module whose `main` is the command on the target."""
    name = command.replace("-", "_")
    room = ".on_sagemaker" if target == "sagemaker" and name in ON_SAGEMAKER else ""
    return f"pipeline.cli.commands{room}.{name}"


def refuse_flags(args: argparse.Namespace) -> None:
    """Raises UsageError for a flag that was given and that the target does not have."""
    there, flags = ("local", ONLY_LOCAL) if args.target == "sagemaker" else ("sagemaker", ONLY_SAGEMAKER)
    for flag, why in flags.items():
        value = getattr(args, flag.strip("-").replace("-", "_"), None)
        if value in (None, False, 0, "auto", []):
            continue
        if isinstance(value, list):
            (value, *_) = value
        shown = f" {value}" if isinstance(value, str | Path) else ""
        raise UsageError(
            f"{flag}{shown} goes with --target {there}; with --target {args.target} {why}. Leave it out."
        )
