"""Which module carries out a command on which target: the only place where commands part by target."""

from __future__ import annotations

import argparse
import importlib

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


def carry_out(args: argparse.Namespace) -> int:
    """Carries out the command of parsed arguments on their target; returns the exit status."""
    status: int = importlib.import_module(module_of(args.command, getattr(args, "target", "local"))).main(
        args
    )
    return status


def module_of(command: str, target: str) -> str:
    """The dotted name of the module whose `main` is the command on the target."""
    name = command.replace("-", "_")
    room = ".on_sagemaker" if target == "sagemaker" and name in ON_SAGEMAKER else ""
    return f"pipeline.cli.commands{room}.{name}"
