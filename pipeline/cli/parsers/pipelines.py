"""The parsers of what runs a pipeline: run, study, definition, resume, stop, versions."""

from __future__ import annotations

import argparse

from pipeline.cli.parsers.graph import add_graph, add_precision, add_tuning, describe_parameters
from pipeline.cli.parsers.options import (
    Commands,
    add_execution,
    add_json,
    add_launcher,
    add_output,
    add_spending,
    add_target,
    add_tracking,
    named_file,
    named_path,
    output_folder,
)


def run(commands: Commands) -> None:
    """Adds `run`."""
    parser = commands.add_parser(
        "run",
        help="compile the pipeline, execute it, report",
        epilog=describe_parameters(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_target(parser)
    add_param(parser)
    add_graph(parser)
    add_data_set(parser)
    parser.add_argument(
        "--definition",
        type=named_file,
        metavar="FILE",
        help="execute this compiled definition instead, in the local engine; nothing is fetched from outside",
    )
    parser.add_argument(
        "--upload",
        action="append",
        default=[],
        metavar="PATH=s3://BUCKET/KEY",
        help="with --definition: first copy a file, or the files of a folder, into the local S3, where they stay; "
        "may be repeated",
    )
    parser.add_argument(
        "--handler",
        action="append",
        default=[],
        metavar="STEP-OR-ARN=FILE:FUNCTION",
        help="with --definition: the Python function that a Lambda or Callback step calls here, named by the step, "
        "the function's ARN or the queue's URL; may be repeated",
    )
    add_programs(parser)
    parser.add_argument(
        "--no-cache", action="store_true", help="run every step, even those that could be reused"
    )
    parser.add_argument(
        "--parallel", type=int, metavar="N", help="run at most N jobs at once (default: no limit)"
    )
    parser.add_argument(
        "--only",
        nargs="+",
        default=[],
        metavar="STEP",
        help="run only these steps; see --from for the others",
    )
    parser.add_argument(
        "--from",
        dest="source",
        metavar="ID",
        help="with --only: the execution that the results of the other steps come from, and the parameters that "
        "--param does not set (default: the latest)",
    )
    add_launcher(parser, "container")
    add_job_images(parser)
    add_tracking(parser)
    add_spending(parser)
    add_output(parser)


def study(commands: Commands) -> None:
    """Adds `study`; the same command again goes on with one that was interrupted."""
    parser = commands.add_parser(
        "study",
        help="train every model under several seeds, say first how long it takes, write tables",
        epilog=describe_parameters(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_tuning(parser)
    parser.add_argument(
        "--seeds", type=int, default=5, metavar="N", help="train each under N seeds (default: 5)"
    )
    parser.add_argument(
        "--candidates",
        metavar="A,B:N,…",
        help="which models, and under how many seeds if fewer than others (default: baseline and the arms of the "
        "kernel experiment)",
    )
    add_precision(parser)
    parser.add_argument("--with", dest="more", metavar="A,B,…", help="models besides, for example resnet")
    add_param(parser, " (Epochs: the definition's own default, not a local run's)")
    add_data_set(parser)
    parser.add_argument(
        "--parallel", type=int, metavar="N", help="train N at once (default: one for each core)"
    )
    parser.add_argument(
        "--out", type=output_folder, metavar="DIR", help="where the tables go (default: study in the state)"
    )
    parser.add_argument(
        "--force", action="store_true", help="write them even to a folder that holds other things"
    )
    add_launcher(parser)
    add_programs(parser)
    add_tracking(parser)
    once = parser.add_mutually_exclusive_group()
    once.add_argument("--estimate", action="store_true", help="say how long it would take, and run nothing")
    once.add_argument(
        "--tables", metavar="ID", help="write the tables of an earlier execution, and run nothing"
    )
    add_output(parser)


def definition(commands: Commands) -> None:
    """Adds `definition`."""
    parser = commands.add_parser("definition", help="print the compiled definition")
    parser.add_argument("--monitor", action="store_true", help="that of the monitor's pipeline instead")
    add_target(parser)
    add_graph(parser)
    add_tracking(parser)


def resume(commands: Commands) -> None:
    """Adds `resume`."""
    parser = commands.add_parser(
        "resume", help="continue an execution that failed, was stopped or killed, from what is done"
    )
    add_execution(parser)
    add_target(parser)
    add_launcher(parser, "container")
    add_job_images(parser)
    add_tracking(parser)
    add_output(parser)


def stop(commands: Commands) -> None:
    """Adds `stop`."""
    parser = commands.add_parser("stop", help="stop the execution that another command runs")
    parser.add_argument(
        "execution", nargs="?", metavar="ID", help="execution id (default: the one that runs)"
    )
    add_target(parser)


def versions(commands: Commands) -> None:
    """Adds `versions`."""
    parser = commands.add_parser(
        "versions",
        help="list, name or go back to versions of the pipeline in SageMaker",
        description="SageMaker keeps every definition that a run has sent. Schedules start the newest.",
    )
    parser.add_argument(
        "action", nargs="?", default="list", choices=("list", "alias", "rollback"), help="default: list"
    )
    parser.add_argument("version", nargs="?", metavar="V", help="its number or alias; not for list")
    parser.add_argument(
        "--as", dest="alias", metavar="NAME", help="with alias: the name, taken from the version that has it"
    )
    add_json(parser)


def add_programs(parser: argparse.ArgumentParser) -> None:
    """Adds what the jobs of a local run run, and with which Python."""
    parser.add_argument(
        "--stand-in",
        action="append",
        default=[],
        metavar="STEP-OR-IMAGE=COMMAND",
        help="what to run in the place of a step, or of images (a glob) that bring no command of their own; may be "
        "repeated",
    )
    parser.add_argument(
        "--python", metavar="PATH", help="run the jobs of a local run with this Python and its packages"
    )


def add_job_images(parser: argparse.ArgumentParser) -> None:
    """Adds which images jobs in containers run in."""
    parser.add_argument(
        "--image",
        action="append",
        default=[],
        metavar="STEP-OR-IMAGE=IMAGE",
        help="with --launcher container: the image that a step runs in, or that stands for others (a glob); may be "
        "repeated",
    )


def add_param(parser: argparse.ArgumentParser, more: str = "") -> None:
    """Adds --param; `more` is said of it besides."""
    parser.add_argument(
        "--param",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help=f"set a pipeline parameter; may be repeated{more}",
    )


def add_data_set(parser: argparse.ArgumentParser) -> None:
    """Adds which data set is trained on."""
    parser.add_argument(
        "--data", type=named_path, metavar="DIR", help="folder of the four IDX files (else: found or fetched)"
    )
    parser.add_argument(
        "--any-data", action="store_true", help="accept a DIR that is not Fashion-MNIST itself"
    )
