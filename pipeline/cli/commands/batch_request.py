"""What `batch` was asked for, on every target: the images of INPUT, the model, the folder OUTPUT."""

from __future__ import annotations

import argparse
import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.console import say
from pipeline.errors import UsageError
from pipeline.formatting import plural

if TYPE_CHECKING:
    from pipeline.inference.batch.images import File, Image
    from pipeline.inference.batch.output import OutputFolder
    from pipeline.inference.batch.scoring import Progress
    from pipeline.inference.predicting.models import Models
    from pipeline.local.state.state_dir import Home
    from pipeline.registry import Package

SCHEMA = 1
GOES_ON = "What is finished is kept: the same command continues from there."


def check_input(args: argparse.Namespace) -> None:
    """Raises UsageError where INPUT names nothing."""
    if not args.input:
        raise UsageError("INPUT is empty. Name a folder, a file, or s3://BUCKET/PREFIX.")


def is_s3(name: str) -> bool:
    """Whether INPUT is a prefix and not a path."""
    return name.startswith("s3://")


def files_named(name: str) -> Iterator[File]:
    """The files of a path; raises UsageError at once where there is nothing to read."""
    from pipeline.inference.batch.images import files_of, nothing_found

    files = files_of(Path(name))
    first = next(files, None)
    if first is None:
        raise nothing_found(name)
    return itertools.chain([first], files)


def images_in(files: Iterator[File], args: argparse.Namespace) -> Iterator[Image]:
    """The images of the files; raises UsageError where there is none."""
    from pipeline.inference.batch.images import images_of, nothing_found

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
    from pipeline.inference.predicting.artifact import fetch_artifact

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


def opened_output(path: Path, origin: dict[str, Any]) -> OutputFolder:
    """The folder to write to."""
    from pipeline.inference.batch.output import OutputFolder

    return OutputFolder.open(path, origin)


def conclude(output: OutputFolder, progress: Progress) -> int:
    """Says what came of it; returns the exit status, which is 1 where none of the images could be read."""
    rejected = f"; {progress.rejected:,} could not be read: see {output.path}/rejected-*.jsonl" * bool(
        progress.rejected
    )
    kept = f" {progress.kept:,} were finished before." * bool(progress.kept)
    print(f"{plural(progress.scored, 'image')} scored → {output.path}{rejected}.{kept}")
    return 0 if any(part["images"] for part in output.parts) else 1
