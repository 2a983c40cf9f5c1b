"""The parsers of what looks at past executions, or tidies them: executions, show, logs, explain, debug, report,
mlflow, rebuild, prune."""

from __future__ import annotations

import argparse

from pipeline.cli.parsers.options import (
    Commands,
    add_execution,
    add_json,
    add_port,
    add_step,
    add_target,
    add_tracking,
)


def executions(commands: Commands) -> None:
    """Adds `executions`."""
    parser = commands.add_parser("executions", help="list past executions")
    add_target(parser)
    add_json(parser)


def show(commands: Commands) -> None:
    """Adds `show`."""
    parser = commands.add_parser("show", help="show one execution in full")
    add_execution(parser)
    add_target(parser)
    shown = parser.add_mutually_exclusive_group()
    add_json(shown)
    shown.add_argument(
        "--follow",
        action="store_true",
        help="with --target sagemaker: follow it to its end, as `run` does",
    )
    add_tracking(parser)
    parser.add_argument("--plain", action="store_true", help="with --follow: plain lines, not the live view")


def logs(commands: Commands) -> None:
    """Adds `logs`."""
    parser = commands.add_parser("logs", help="print a step's log")
    add_step(parser)
    parser.add_argument(
        "--all",
        action="store_true",
        help="also the lines that TensorFlow writes before it knows that they are switched off",
    )
    add_target(parser)


def explain(commands: Commands) -> None:
    """Adds `explain`."""
    parser = commands.add_parser("explain", help="say why a step was run and not reused")
    add_step(parser)
    add_json(parser)


def debug(commands: Commands) -> None:
    """Adds `debug`."""
    parser = commands.add_parser(
        "debug",
        help="open a shell where a failed step's job ran",
        description="Opens a shell in the folder that the failed job of a step left, with the job's environment, "
        "started as the job was, with the local S3 running. The exit status is that of the shell or the command.",
    )
    parser.add_argument(
        "--host", metavar="NAME", help="of a job with several hosts, this one (default: algo-1)"
    )
    add_step(parser)
    parser.add_argument(
        "words",
        nargs=argparse.REMAINDER,
        metavar="-- COMMAND",
        help="run this instead of a shell; last, after --",
    )


def report(commands: Commands) -> None:
    """Adds `report`."""
    parser = commands.add_parser("report", help="build an execution's HTML report again")
    add_execution(parser)
    add_target(parser)


def mlflow(commands: Commands) -> None:
    """Adds `mlflow`."""
    parser = commands.add_parser(
        "mlflow",
        help="show executions in MLflow, or publish earlier ones",
        description="Alone: shows all executions in MLflow, on this machine, until Ctrl-C. publish: publishes "
        "one execution (default: the latest), or all.",
    )
    parser.add_argument("action", nargs="?", choices=("publish",), help="publish, instead of showing")
    add_execution(parser)
    parser.add_argument("--all", action="store_true", help="with publish: all executions")
    add_target(parser)
    add_tracking(parser)
    add_port(parser, 5000)


def rebuild(commands: Commands) -> None:
    """Adds `rebuild`."""
    commands.add_parser(
        "rebuild", help="put the state database together again, after it was damaged or deleted"
    )


def prune(commands: Commands) -> None:
    """Adds `prune`."""
    parser = commands.add_parser(
        "prune", help="remove old executions from the state folder, and free their space"
    )
    parser.add_argument(
        "--keep", type=int, default=10, metavar="N", help="keep the newest N executions (default: 10)"
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would go, and remove nothing")
