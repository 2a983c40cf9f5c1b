"""The parsers of what is done with registered models: registry, predict, batch, serve, monitor."""

from __future__ import annotations

import argparse

from pipeline.cli.parsers.options import (
    Commands,
    add_background,
    add_group,
    add_images,
    add_json,
    add_launcher,
    add_output,
    add_plain,
    add_port,
    add_spending,
    add_target,
    add_yes,
    named_path,
    output_folder,
)
from pipeline.registry import STAGES


def registry(commands: Commands) -> None:
    """Adds `registry`."""
    parser = commands.add_parser("registry", help="list, show, approve, reject or promote registered models")
    parser.add_argument("action", choices=("list", "show", "approve", "reject", "promote"))
    parser.add_argument("version", nargs="?", type=int, metavar="V", help="the version; not for list")
    parser.add_argument("--to", choices=STAGES, default=None, help="with promote: the stage")
    parser.add_argument(
        "--note", default="", metavar="TEXT", help="with promote: why, for whoever looks later"
    )
    add_target(parser)
    add_group(parser)
    add_json(parser)


def predict(commands: Commands) -> None:
    """Adds `predict`."""
    parser = commands.add_parser(
        "predict",
        help="class probabilities of images, from a registered model",
        description="Classifies PNG and JPEG images of any size, and rows of IDX files.",
    )
    add_images(parser)
    add_model(parser)


def batch(commands: Commands) -> None:
    """Adds `batch`."""
    parser = commands.add_parser(
        "batch",
        help="class probabilities of any number of images, by a pipeline with a transform job",
        description="Scores PNG, JPEG and IDX images with a registered model, and writes JSON Lines. The same "
        "command again goes on with what is not finished.",
    )
    parser.add_argument(
        "input", metavar="INPUT", help="a folder, an IDX or image file, or s3://BUCKET/PREFIX of the target"
    )
    parser.add_argument("output", type=output_folder, metavar="OUTPUT", help="a folder for the predictions")
    add_model(parser)
    add_background(parser)
    add_plain(parser)
    on_aws = parser.add_argument_group("with --target sagemaker, where it costs money")
    on_aws.add_argument("--instance-type", metavar="T", help="instance type (default: ml.c5.xlarge)")
    on_aws.add_argument("--instances", type=int, metavar="N", help="number of instances (default: 1)")
    add_yes(on_aws)


def serve(commands: Commands) -> None:
    """Adds `serve`."""
    parser = commands.add_parser(
        "serve",
        help="serve a registered model on this machine",
        description="Serves a registered model as TensorFlow Serving does (REST), and as a SageMaker container.",
    )
    add_model(parser)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen at (default: %(default)s)")
    add_port(parser, 8501)
    parser.add_argument("--quiet", action="store_true", help="do not print a line for each request")
    parser.add_argument(
        "--capture",
        metavar="DIR-OR-S3",
        help="write requests and answers to a folder or S3 prefix, in the form of SageMaker's data capture",
    )
    parser.add_argument(
        "--capture-percent", type=int, metavar="P", help="capture P percent of them (default: 100)"
    )
    parser.add_argument(
        "--capture-limit", type=int, metavar="MIB", help="keep at most so many mebibytes (default: 1024)"
    )


def monitor(commands: Commands) -> None:
    """Adds `monitor`."""
    parser = commands.add_parser(
        "monitor",
        help="compare captured requests with what the model was registered with, and fail on drift",
        description="Runs the pipeline fashion-mnist-monitor on requests that serve --capture or deploy --capture "
        "wrote. Exit status 1: something has drifted, or could not be compared.",
    )
    parser.add_argument(
        "capture",
        nargs="?",
        metavar="CAPTURE",
        help="folder or s3:// URI that they lie below (default: the folder captured of the project's bucket)",
    )
    parser.add_argument(
        "--endpoint", metavar="NAME", help="whose requests (default: the only one that there are any of)"
    )
    parser.add_argument(
        "--model",
        type=int,
        metavar="V",
        help="registered version that answered (default: the newest requests')",
    )
    add_group(parser)
    parser.add_argument(
        "--hours", type=int, default=0, metavar="N", help="those of the last N hours; 0, the default: all"
    )
    parser.add_argument(
        "--retrain",
        action="store_true",
        help="on drift start the training pipeline, whose winner must not be worse than the approved model",
    )
    parser.add_argument(
        "--data",
        type=named_path,
        metavar="DIR",
        help="with --retrain: the labelled data set to train on, as for run",
    )
    parser.add_argument(
        "--any-data", action="store_true", help="with --data: accept a DIR that is not Fashion-MNIST itself"
    )
    add_target(parser)
    add_launcher(parser, "container")
    add_spending(parser, again=False)
    add_output(parser)


def add_model(parser: argparse.ArgumentParser) -> None:
    """Adds which registered model is meant, and of which registry."""
    parser.add_argument(
        "--target", choices=("local", "sagemaker"), default="local", help="whose registry (default: local)"
    )
    parser.add_argument(
        "--model",
        type=int,
        metavar="V",
        help="registered version (default: the newest approved, else the newest)",
    )
    add_group(parser)
