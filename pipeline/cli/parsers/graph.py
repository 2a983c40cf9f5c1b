"""Options that are compiled into the pipeline's definition, and what its parameters are."""

from __future__ import annotations

import argparse
import textwrap

from pipeline.definition.parameters import LOCAL_VALUES, PARAMETERS
from pipeline.definition.search_space import GRID_SIZE, STRATEGIES
from pipeline.definition.settings import PRECISIONS


def describe_parameters() -> str:
    """The pipeline's parameters, for the end of a command's help."""
    lines = ["pipeline parameters (--param NAME=VALUE; those of a --definition FILE are its own):"]
    for parameter in PARAMETERS:
        local = f"; locally {LOCAL_VALUES[parameter.name]}" if parameter.name in LOCAL_VALUES else ""
        default = "" if parameter.default in (None, "") else f" (default: {parameter.default}{local})"
        text = f"{parameter.meaning}; {parameter.expected}{default}"
        lines += [
            f"  {parameter.name}",
            *textwrap.wrap(text, 74, initial_indent="    ", subsequent_indent="    "),
        ]
    return "\n".join(lines)


def add_graph(parser: argparse.ArgumentParser) -> None:
    """Adds the choices that change the pipeline's graph."""
    add_tuning(parser)
    parser.add_argument(
        "--candidates",
        metavar="A,B:N,…",
        help="which models to train; B:N trains B under the first N of the --seeds only (default: "
        "baseline,cnn-3x3,cnn-5x5)",
    )
    parser.add_argument(
        "--seeds",
        type=int,
        default=1,
        metavar="N",
        help="train each under N seeds, but those with a number of their own (default: 1)",
    )
    parser.add_argument(
        "--instances",
        type=int,
        default=1,
        metavar="N",
        help="hosts of each training job, which share its batches (default: 1)",
    )
    add_precision(parser)
    add_machines(parser)


def add_tuning(parser: argparse.ArgumentParser) -> None:
    """Adds the choices of a search for hyperparameters."""
    parser.add_argument(
        "--tune",
        type=int,
        metavar="N",
        help="first search each candidate's learning rate, batch size and label smoothing in N trials",
    )
    parser.add_argument(
        "--tune-strategy",
        choices=STRATEGIES,
        help=f"how trials are proposed (default: Bayesian; Grid makes {GRID_SIZE})",
    )


def add_precision(parser: argparse.ArgumentParser) -> None:
    """Adds what networks compute in."""
    parser.add_argument(
        "--precision",
        choices=PRECISIONS,
        default="auto",
        help="float32: never train in bfloat16, not even where the CPU or GPU multiplies in it (default: auto)",
    )


def add_machines(parser: argparse.ArgumentParser) -> None:
    """Adds what jobs on SageMaker run on and how they are shut off; a local run keeps to the graph alone."""
    group = parser.add_argument_group(
        "jobs on SageMaker", "compiled into the definition; no effect elsewhere"
    )
    group.add_argument("--spot", action="store_true", help="train on spot instances, from checkpoints")
    group.add_argument(
        "--warm-pool-seconds",
        type=int,
        default=0,
        metavar="N",
        help="keep the instances of a training job for the next one, at most 3600 s, which cost meanwhile",
    )
    group.add_argument(
        "--instance-types",
        default="",
        metavar="A,B",
        help="train on the first of these types that is free, instead of TrainingInstanceType",
    )
    group.add_argument("--subnets", default="", metavar="A,B", help="run jobs in these subnets of a VPC")
    group.add_argument("--security-groups", default="", metavar="A,B", help="and in these security groups")
    group.add_argument(
        "--kms-key",
        default="",
        metavar="ARN",
        help="encrypt results, and volumes where there are any, with this key",
    )
    group.add_argument(
        "--isolate",
        action="store_true",
        help="no network in the containers of NormalizeData and of training jobs",
    )
    group.add_argument(
        "--encrypt-traffic",
        action="store_true",
        help="encrypt what the hosts of a training job send each other",
    )
    group.add_argument(
        "--tag",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="tag jobs for the bill; may be repeated",
    )
