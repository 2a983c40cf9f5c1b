"""The parsers of what is done with endpoints: deploy, undeploy, invoke, smoke."""

from __future__ import annotations

import argparse

from pipeline.cli.arguments import EarlierName
from pipeline.cli.parsers.options import (
    Commands,
    add_group,
    add_images,
    add_json,
    add_yes,
    named,
    named_path,
)
from pipeline.registry import STAGES


def deploy(commands: Commands) -> None:
    """Adds `deploy`."""
    parser = commands.add_parser(
        "deploy",
        help="put an approved model behind a SageMaker endpoint",
        description="Makes or changes a SageMaker endpoint in the AWS account, which costs money until undeploy.",
    )
    parser.add_argument(
        "--model",
        type=int,
        metavar="V",
        help="approved version in the account's registry (default: the newest)",
    )
    add_group(parser)
    hosting = parser.add_mutually_exclusive_group()
    hosting.add_argument("--serverless", action="store_true", help="no instances: costs by request")
    hosting.add_argument("--instance-type", metavar="T", help="instance type (default: ml.m5.large)")
    parser.add_argument("--instances", type=int, metavar="N", help="number of instances (default: 1)")
    parser.add_argument(
        "--max-instances",
        type=int,
        metavar="N",
        help="let their number follow the requests, up to N, each of which costs",
    )
    parser.add_argument(
        "--requests",
        type=int,
        metavar="N",
        help="with --max-instances: requests a minute for each instance (default: 1000)",
    )
    parser.add_argument(
        "--memory", type=int, metavar="MB", help="with --serverless: 1024 to 6144 (default: 3072)"
    )
    parser.add_argument(
        "--concurrency", type=int, metavar="N", help="with --serverless: requests at once (default: 5)"
    )
    parser.add_argument(
        "--capture",
        nargs="?",
        type=int,
        const=100,
        metavar="P",
        help="capture P percent of the requests in the stack's bucket (alone: 100); not with --serverless",
    )
    parser.add_argument(
        "--stage",
        choices=STAGES,
        default=None,
        help="only a version that was promoted there (registry promote)",
    )
    parser.add_argument(
        "--smoke",
        action="store_true",
        help="test it afterwards, as smoke does, and go back if it does not pass",
    )
    add_smoke(parser)
    add_endpoint(parser)
    add_yes(parser)


def undeploy(commands: Commands) -> None:
    """Adds `undeploy`."""
    parser = commands.add_parser("undeploy", help="remove a SageMaker endpoint and all that was made for it")
    add_endpoint(parser)
    add_yes(parser)


def invoke(commands: Commands) -> None:
    """Adds `invoke`."""
    parser = commands.add_parser(
        "invoke",
        help="class probabilities of images, from an endpoint or a server",
        description="Asks a SageMaker endpoint, or a server (serve, TensorFlow Serving), to classify images.",
    )
    add_images(parser)
    add_server(parser)


def smoke(commands: Commands) -> None:
    """Adds `smoke`."""
    parser = commands.add_parser(
        "smoke",
        help="test an endpoint or a server with a held-out sample: accuracy and latency",
        description="Asks an endpoint, or a server, for test images of the data set; 1 when it is not good enough.",
    )
    add_server(parser)
    add_smoke(parser)
    add_json(parser)


def add_smoke(parser: argparse.ArgumentParser) -> None:
    """Adds what a smoke test asks for."""
    parser.add_argument(
        "--images", type=int, default=200, metavar="N", help="test images to ask for (default: %(default)s)"
    )
    parser.add_argument(
        "--min-accuracy",
        type=float,
        default=0.8,
        metavar="A",
        help="share of them that must be right (%(default)s)",
    )
    parser.add_argument(
        "--max-latency",
        type=float,
        default=1000.0,
        metavar="MS",
        help="milliseconds that nine in ten answers to one image may take (%(default)s)",
    )
    parser.add_argument(
        "--data", type=named_path, metavar="DIR", help="folder with the data set (default: found)"
    )


def add_endpoint(parser: argparse.ArgumentParser) -> None:
    """Adds which endpoint is meant."""
    parser.add_argument(
        "--endpoint",
        type=named,
        metavar="NAME",
        dest="endpoint_name",
        help="the endpoint (default: the project's name)",
    )
    parser.add_argument(
        "--endpoint-name", action=EarlierName, now="--endpoint", dest="endpoint_name", type=named
    )


def add_server(parser: argparse.ArgumentParser) -> None:
    """Adds who is asked: an endpoint, or a server."""
    asked = parser.add_mutually_exclusive_group()
    asked.add_argument(
        "--endpoint",
        type=named,
        metavar="NAME",
        help="SageMaker endpoint (default: the one that deploy makes)",
    )
    asked.add_argument("--url", metavar="URL", help="a server instead, for example http://127.0.0.1:8501")
