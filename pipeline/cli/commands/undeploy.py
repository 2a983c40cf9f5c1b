"""`undeploy`: removes a SageMaker endpoint, and the configurations and models that were made for it."""

from __future__ import annotations

import argparse
import os
import sys

from pipeline.cli.commands.on_sagemaker.following import ask
from pipeline.cli.entrance import INTERRUPTED
from pipeline.console import say
from pipeline.interrupts import interrupt_on_signals


def main(args: argparse.Namespace) -> int:
    """Says what there is, asks, and removes it; with nothing there, says so and succeeds."""
    from pipeline.inference.serving.autoscaling import Autoscaling
    from pipeline.inference.serving.deployment import check_endpoint_name
    from pipeline.inference.serving.endpoints import Endpoints
    from pipeline.inference.serving.hosting_cost import agree
    from pipeline.inference.serving.live_line import LiveLine
    from pipeline.inference.serving.undeploying import find_holdings, remove
    from pipeline.targets.sagemaker import open_sagemaker

    if args.endpoint_name is not None:
        check_endpoint_name(args.endpoint_name)
    target = open_sagemaker(os.environ)
    project = target.stack.pipeline_name
    name = args.endpoint_name or project
    line = LiveLine(f"Endpoint {name}", sys.stderr)
    autoscaling = Autoscaling(target.account.client("application-autoscaling"), project)
    endpoints = Endpoints(target.client, line.show, autoscaling=autoscaling)
    say(f"AWS: {target.account}")
    holdings = find_holdings(endpoints, project, name)
    if holdings.empty:
        print(f"There is no endpoint {name}: nothing to remove.")
        return 0
    say(f"To be removed: {holdings}.")
    if not holdings.complete:
        say(
            "These credentials may not list what was made for it before (sagemaker:ListModels, "
            "ListEndpointConfigs), which costs nothing."
        )
    agree(
        "Remove it?",
        f"Removing the endpoint {name}",
        certain=args.yes,
        ask=ask if sys.stdin.isatty() else None,
    )
    try:
        with interrupt_on_signals():
            remove(endpoints, holdings)
    except KeyboardInterrupt:
        line.end()
        say("Interrupted. The same command continues from there.")
        return INTERRUPTED
    finally:
        line.end()
    print(f"Removed: {holdings}.")
    return 0
