"""`batch`: class probabilities of any number of images, by a pipeline with a transform job."""

from __future__ import annotations

import argparse
import os

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
from pipeline.cli.entrance import INTERRUPTED
from pipeline.console import say
from pipeline.errors import UsageError


def main(args: argparse.Namespace) -> int:
    """Scores what is not scored yet."""
    check_input(args)
    if args.instances is not None:  # for other commands a flag of every target
        raise UsageError("--instances goes with --target sagemaker. Leave it out.")
    return batch_here(args)


def batch_here(args: argparse.Namespace) -> int:
    """Scores with the local engine."""
    from pipeline.local.state.isolation import isolate
    from pipeline.local.state.state_dir import home_from

    home = home_from(os.environ)
    isolate(os.environ)
    files = None if is_s3(args.input) else files_named(args.input)

    from pipeline.definition.settings import PROJECT
    from pipeline.inference.batch.images import local_s3_files
    from pipeline.inference.batch.local_scorer import LocalScorer
    from pipeline.inference.batch.scoring import Model, score
    from pipeline.inference.predicting.models import LocalModels
    from pipeline.targets.local import local_settings_for, open_local

    with open_local(home, say) as target:
        models = LocalModels(home, target.store, args.group or PROJECT)
        package = chosen_package(models, args.model)
        classes, origin = described(models, package, home, args)
        images = images_in(files or local_s3_files(target.aws.objects, args.input), args)
        output = opened_output(args.output, origin)
        scorer = LocalScorer(target, local_settings_for({}), package, args.plain)
        progress = score(
            images,
            output,
            scorer,
            Model(classes, package.version),
            home.scratch("batch"),
            say,
        )
    if progress is None:
        say(GOES_ON)
        return INTERRUPTED if scorer.status == "Stopped" else 1
    return conclude(output, progress)
