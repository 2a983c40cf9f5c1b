"""The parsers of what concerns this machine: local-sagemaker, image, doctor, data, completion."""

from __future__ import annotations

from pipeline.cli.parsers.options import (
    Commands,
    named_path,
)


def local_sagemaker(commands: Commands) -> None:
    """Adds `local-sagemaker`."""
    parser = commands.add_parser(
        "local-sagemaker",
        help="SageMaker's API on this machine, whose pipelines and jobs the local engine executes",
        description="Serves SageMaker's API on loopback until Ctrl-C, or runs COMMAND as a client of it and ends "
        "with it. Prints the variables that lead clients there; see docs/local-sagemaker.md.",
        usage="%(prog)s [-h] [--port N] [--state DIR] [--cores N] [-- COMMAND …]",
    )
    parser.add_argument(
        "--port", type=int, default=0, metavar="N", help="the port (default: any that is free)"
    )
    parser.add_argument(
        "--state",
        type=named_path,
        metavar="DIR",
        help="the state folder (default: .local, or the folder that FASHION_HOME names)",
    )
    parser.add_argument(
        "--cores",
        type=int,
        metavar="N",
        help="the cores that the jobs of all executions share (default: those of this machine)",
    )
    parser.add_argument(
        "program", nargs="*", metavar="COMMAND", help="after --, a command to run as a client of it"
    )


def image(commands: Commands) -> None:
    """Adds `image`."""
    parser = commands.add_parser("image", help="build this project's image for --launcher container")
    base = parser.add_mutually_exclusive_group()
    base.add_argument(
        "--base",
        metavar="IMAGE",
        help="build on this image: Python 3.11 or later, pip, bash (default: pinned)",
    )
    base.add_argument(
        "--debootstrap", action="store_true", help="build on Debian's own packages (on Debian, as root)"
    )


def doctor(commands: Commands) -> None:
    """Adds `doctor`."""
    commands.add_parser("doctor", help="say what this machine can run")


def data(commands: Commands) -> None:
    """Adds `data`."""
    parser = commands.add_parser("data", help="find or fetch the data set, and say where it lies")
    parser.add_argument("--data", type=named_path, metavar="DIR", help="a folder to check")


def completion(commands: Commands) -> None:
    """Adds `completion`."""
    parser = commands.add_parser(
        "completion",
        help="print what makes a shell complete commands and flags",
        description="Prints a script for the shell, which completes what follows python -m pipeline. "
        'For bash: eval "$(python -m pipeline completion bash)"',
    )
    parser.add_argument("shell", choices=("bash", "zsh"))
