"""`batch`: class probabilities of any number of images, by a pipeline with a transform job."""

from __future__ import annotations

import argparse
import itertools
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.console import say
from pipeline.errors import UsageError

if TYPE_CHECKING:
    from pipeline.batch.images import File, Image
    from pipeline.batch.scoring import Progress
    from pipeline.local.state.state_dir import Home
    from pipeline.predicting.models import Models
    from pipeline.registry import Package

INTERRUPTED = 130
SCHEMA = 1
GOES_ON = "What is finished is kept: the same command goes on from there."


def main(args: argparse.Namespace) -> int:
    """Scores what is not scored yet."""
    if not args.input:
        raise UsageError("INPUT is empty. Name a folder, a file, or s3://BUCKET/PREFIX.")
    if args.target == "sagemaker":
        from pipeline.commands.batch_on_sagemaker import batch_on_sagemaker

        return batch_on_sagemaker(args)
    for flag in ("instance_type", "instances"):
        if getattr(args, flag) is not None:
            raise UsageError(f"--{flag.replace('_', '-')} goes with --target sagemaker. Leave it out.")
    return batch_here(args)


def batch_here(args: argparse.Namespace) -> int:
    """Scores with the local engine."""
    from pipeline.local.state.isolation import isolate
    from pipeline.local.state.state_dir import home_from

    home = home_from(os.environ)
    isolate(os.environ)
    files = None if is_s3(args.input) else files_named(args.input)

    from pipeline.batch.images import local_s3_files
    from pipeline.batch.local_scorer import LocalScorer
    from pipeline.batch.scoring import Model, score
    from pipeline.local_target import local_settings_for, open_local
    from pipeline.predicting.models import LocalModels
    from pipeline.settings import PROJECT

    with open_local(home, say) as target:
        models = LocalModels(home, target.store, args.group or PROJECT)
        package = chosen_package(models, args.model)
        classes, origin = described(models, package, home, args)
        images = images_in(files or local_s3_files(target.aws.objects, args.input), args)
        scorer = LocalScorer(target, local_settings_for({}), package, args.plain)
        progress = score(
            images,
            opened_output(args.output, origin),
            scorer,
            Model(classes, package.version),
            home.scratch("batch"),
            say,
        )
    if progress is None:
        say(GOES_ON)
        return INTERRUPTED if scorer.status == "Stopped" else 1
    conclude(args.output, progress)
    return 0


def is_s3(name: str) -> bool:
    """Whether INPUT is a prefix and not a path."""
    return name.startswith("s3://")


def files_named(name: str) -> Iterator[File]:
    """The files of a path; raises UsageError at once where there is nothing to read."""
    from pipeline.batch.images import files_of, nothing_found

    files = files_of(Path(name))
    first = next(files, None)
    if first is None:
        raise nothing_found(name)
    return itertools.chain([first], files)


def images_in(files: Iterator[File], args: argparse.Namespace) -> Iterator[Image]:
    """The images of the files; raises UsageError where there is none."""
    from pipeline.batch.images import images_of, nothing_found

    images = images_of(files, args.background)
    first = next(images, None)
    if first is None:
        raise nothing_found(args.input)
    return itertools.chain([first], images)


def chosen_package(models: Models, version: int | None) -> Package:
    """The package to score with; says so where it is not approved."""
    from pipeline.registry import choose_package

    package = choose_package(models.packages(), version, models.group)
    say(f"Model: version {package.version} of {models.group}, {package.approval}.")
    return package


def described(
    models: Models, package: Package, home: Home, args: argparse.Namespace
) -> tuple[tuple[str, ...], dict[str, Any]]:
    """The model's classes, and what decides the predictions."""
    from pipeline.predicting.artifact import fetch_artifact

    work = home.scratch("batch-model")
    work.mkdir()
    try:
        artifact = fetch_artifact(models, package, work)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    origin = {
        "schema": SCHEMA,
        "input": args.input if is_s3(args.input) else str(Path(args.input).resolve()),
        "background": args.background,
        "model_package_arn": package.arn,
        "artifact_sha256": artifact.sha256,
    }
    return artifact.class_names, origin


def opened_output(path: Path, origin: dict[str, Any]) -> Any:
    """The folder to write to."""
    from pipeline.batch.output import OutputFolder

    return OutputFolder.open(path, origin)


def conclude(output: Path, progress: Progress) -> None:
    """Says what came of it."""
    rejected = f"; {progress.rejected:,} could not be read: see {output}/rejected-*.jsonl" * bool(
        progress.rejected
    )
    kept = f" {progress.kept:,} were finished before." * bool(progress.kept)
    print(f"{progress.scored:,} image(s) scored → {output}{rejected}.{kept}")
