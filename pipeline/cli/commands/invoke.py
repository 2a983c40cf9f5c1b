"""`invoke`: class probabilities of images, from a SageMaker endpoint or a server on this machine."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING

import numpy as np

from pipeline.cli.commands.predict import pictures_of, require_top
from pipeline.definition.settings import PROJECT
from pipeline.inference.predicting.fashion_classes import CLASS_NAMES
from pipeline.local.state.state_dir import home_from
from pipeline.printable import json_text

if TYPE_CHECKING:
    from pipeline.inference.serving.transports import Transport


def main(args: argparse.Namespace) -> int:
    """Reads every image, then asks."""
    require_top(args.top, len(CLASS_NAMES))
    pictures = pictures_of(args, home_from(os.environ))

    from pipeline.inference.predicting.prediction import predictions_of
    from pipeline.inference.predicting.printing import print_predictions
    from pipeline.inference.serving.client import ask_model

    transport = transport_of(args)
    pixels = np.stack([picture.pixels for picture in pictures])
    predictions = predictions_of(pictures, CLASS_NAMES, ask_model(transport, pixels, len(CLASS_NAMES)))
    if args.json:
        document = {"asked": transport.name, "predictions": [each.as_json(args.top) for each in predictions]}
        print(json_text(document))
    else:
        print_predictions(transport.name, predictions, args.top, sys.stdout)
    return 0


def transport_of(args: argparse.Namespace) -> Transport:
    """Who is asked: --url, else --endpoint, else the endpoint that `deploy` makes.

    Raises:
        UsageError: no address of a server, or no name of an endpoint; or no --endpoint and no stack.
        CredentialsError, AwsError: the account cannot be opened.
    """
    from pipeline.inference.serving.transports import Endpoint, Server

    if args.url is not None:
        return Server.at(args.url, PROJECT)

    from pipeline.inference.serving.deployment import check_endpoint_name
    from pipeline.targets.aws.account import open_account
    from pipeline.targets.aws.stack import read_stack, stack_name

    name = args.endpoint
    if name is not None:
        check_endpoint_name(name)
    account = open_account(os.environ)
    if name is None:
        name = read_stack(account.client("cloudformation"), stack_name(os.environ)).pipeline_name
    return Endpoint(account.client("sagemaker-runtime"), name)
