"""`batch --target sagemaker`: says what it costs, asks, and scores in SageMaker."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from typing import TYPE_CHECKING

from pipeline.cli.commands.batch_request import (
    GOES_ON,
    check_input,
    chosen_package,
    conclude,
    described,
    files_named,
    images_in,
    is_s3,
    opened_output,
)
from pipeline.cli.commands.on_sagemaker.following import ask
from pipeline.cli.entrance import INTERRUPTED
from pipeline.console import say
from pipeline.errors import UsageError

if TYPE_CHECKING:
    from pipeline.inference.serving.hosting import Hosting
    from pipeline.inference.serving.hosting_cost import HostingPrices


def main(args: argparse.Namespace) -> int:
    """Scores what is not scored yet; returns the exit status."""
    check_input(args)
    files = None if is_s3(args.input) else files_named(args.input)

    from pipeline.inference.batch.aws_scorer import AwsScorer
    from pipeline.inference.batch.images import aws_files
    from pipeline.inference.batch.scoring import Model, score
    from pipeline.inference.batch.transform_definition import BATCH, DEFAULT_INSTANCE
    from pipeline.inference.predicting.models import AwsModels
    from pipeline.inference.serving.deployment import MAX_NAME, Deployment
    from pipeline.inference.serving.endpoints import Endpoints
    from pipeline.inference.serving.hosting import Hosting
    from pipeline.inference.serving.hosting_cost import agree
    from pipeline.interrupts import interrupt_on_signals
    from pipeline.targets.aws.aws_errors import translate_errors
    from pipeline.targets.aws.stack import settings_for
    from pipeline.targets.sagemaker import open_sagemaker

    hosting = Hosting(args.instance_type or DEFAULT_INSTANCE, 1 if args.instances is None else args.instances)
    target = open_sagemaker(os.environ)
    stack = target.stack
    if not stack.endpoint_role:
        raise UsageError(
            f"The stack {stack.name} has no role for models (EndpointRoleArn). Bring it up to date with: "
            "make infra-deploy"
        )
    say(f"AWS: {target.account}")
    s3 = target.account.client("s3")
    models = AwsModels(target.client, s3, args.group or stack.model_package_group)
    package = chosen_package(models, args.model)
    classes, origin = described(models, package, target.home, args)
    fetched = target.home.scratch("batch-input")
    fetched.mkdir()
    try:
        with interrupt_on_signals(), translate_errors("Scoring"):
            images = images_in(files or aws_files(s3, args.input, fetched), args)
            output = opened_output(args.output, origin)
            say(cost(hosting, target.prices))
            agree(
                "Score it?",
                f"Scoring {args.input} in SageMaker",
                certain=args.yes,
                ask=ask if sys.stdin.isatty() else None,
            )
            project = stack.pipeline_name
            wanted = Deployment(
                f"{project}-{BATCH}"[:MAX_NAME].rstrip("-"),
                project,
                package.version,
                package.arn,
                stack.endpoint_role,
                hosting,
            )
            Endpoints(target.client).ensure_model(wanted)
            settings = settings_for(target.account.id, target.account.region, stack, {})
            scorer = AwsScorer(
                target,
                settings,
                wanted.model_name,
                str(hosting.instance_type),
                hosting.instances,
                args.plain,
            )
            model = Model(classes, package.version)
            progress = score(images, output, scorer, model, target.home.scratch("batch"), say)
    except KeyboardInterrupt:
        say("Detached. The work in AWS continues and keeps incurring charges; the same command follows it.")
        return INTERRUPTED
    finally:
        shutil.rmtree(fetched, ignore_errors=True)
    if progress is None:
        say(GOES_ON)
        return INTERRUPTED if scorer.status == "Stopped" else 1
    return conclude(output, progress)


def cost(hosting: Hosting, prices: HostingPrices) -> str:
    """What it costs, in a sentence; a transform job has no limit of time that a ceiling could be made of."""
    from pipeline.inference.batch.scoring import PART_IMAGES
    from pipeline.targets.aws.prices import FROM_LIST

    # AWS asks the same price for an hour of hosting and of transforming.
    price = prices.hourly(str(hosting.instance_type), "Hosting")
    each = f"a transform job on {hosting} for each {PART_IMAGES:,} images, paid while it runs, its start included"
    if price is None:
        return (
            f"Costs {each}. What an hour costs is not known here: https://aws.amazon.com/sagemaker/pricing/"
        )
    guess = "" if price.source == FROM_LIST else ": a guess"
    return f"Costs {each}, at {price.usd * hosting.instances:.4g} USD an hour by {price.source}{guess}."
