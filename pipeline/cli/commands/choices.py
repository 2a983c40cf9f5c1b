"""The choices on the command line that say how an execution runs: which steps, on what, how many at once."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.cli.output_file import check_writable
from pipeline.console import say
from pipeline.definition.parameters import NO_CHAMPION
from pipeline.errors import UsageError
from pipeline.execution import ExecutionRecord
from pipeline.local.state.ending import is_under_way
from pipeline.local.state.history import read_execution, read_executions
from pipeline.local.state.state_dir import Home
from pipeline.local.state.store import Store

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from pipeline.definition.parameters import Value
    from pipeline.definition.settings import Settings
    from pipeline.local.jobs.interpreter import Interpreter
    from pipeline.local.jobs.launchers.containers.images import ImageChoice
    from pipeline.local.jobs.stand_in import StandIn
    from pipeline.targets.base import Target

IMAGE_PARAMETERS = ("ProcessingImageUri", "TrainingImageUri")


def check_choices(args: argparse.Namespace, *, account: bool = False) -> None:
    """Raises UsageError for what contradicts itself; `account`: an AWS account is asked in any case."""
    if args.source is not None and not args.only:
        raise UsageError(
            f"--from {args.source} goes with --only STEP…. Name the steps to run, or continue that "
            "execution with: python -m pipeline resume"
        )
    if args.parallel is not None and args.parallel < 1:
        raise UsageError(f"--parallel {args.parallel}: at least one job must be allowed to run.")
    check_images(args)
    check_tracking(args, account=account)
    if args.again < 0:
        raise UsageError(
            f"--again {args.again} is not a number from 1 up. The first repetition is --again 1."
        )
    if args.stand_in or args.python is not None:
        # Read again where they are used: here so that what is wrong is said before anything is uploaded.
        stand_ins, python = read_programs(args)
        if args.launcher == "container":
            from pipeline.local.jobs.programs import check_for_containers

            check_for_containers(stand_ins, python)


def read_programs(args: argparse.Namespace) -> tuple[list[StandIn], Interpreter | None]:
    """The stand-ins and the Python that the jobs of a local run get (None: this one).

    Raises:
        UsageError: one is not what it should be.
    """
    from pipeline.local.jobs.interpreter import find_interpreter
    from pipeline.local.jobs.stand_in import parse_stand_in

    stand_ins = [parse_stand_in(each, Path.cwd()) for each in args.stand_in]
    return stand_ins, None if args.python is None else find_interpreter(args.python)


def check_images(args: argparse.Namespace, *, in_containers: bool = False) -> None:
    """Raises UsageError for images that are none, or that no launcher would run; `in_containers`: one does."""
    if args.image and args.launcher != "container" and not in_containers:
        raise UsageError(
            f"--image {args.image[0]} goes with --launcher container: the others run no images. Add it, or leave "
            "--image out."
        )
    read_images(args)


def read_images(args: argparse.Namespace) -> list[ImageChoice]:
    """The images that the user names for steps, or in the place of others."""
    if not args.image:
        return []
    from pipeline.local.jobs.launchers.containers.images import parse_image

    return [parse_image(each) for each in args.image]


def check_tracking(args: argparse.Namespace, *, account: bool = False) -> None:
    """Raises UsageError where --mlflow names no place, or one in an AWS account and no `account` is asked."""
    if args.mlflow is None:
        return
    from pipeline.tracking.place import check_place, is_arn

    check_place(args.mlflow)
    if is_arn(args.mlflow) and not account:
        raise UsageError(
            f"--mlflow {args.mlflow} goes with --target sagemaker: a run on this machine asks no AWS account. "
            "Give --mlflow alone, or the address of a server."
        )


def find_source(args: argparse.Namespace, home: Home, pipeline: str) -> ExecutionRecord | None:
    """The execution that the selected steps build on; None when all steps run.

    Raises:
        UsageError: there is none of this pipeline, or it is not one that can be built on.
    """
    if not args.only:
        return None
    with Store(home) as store:
        if args.source is not None:
            source = read_execution(home, store, args.source)
        else:
            # As in SageMaker: the latest of this pipeline.
            records = [each for each in read_executions(home, store) if each.pipeline_name == pipeline]
            if not records:
                raise UsageError(
                    f"--only needs an earlier execution of {pipeline} to build on, and there is none in "
                    f"{home.root}. Run the whole pipeline first: leave --only out."
                )
            source = records[0]
    received = None
    if source.pipeline_name != pipeline:
        received = f"of the pipeline {source.pipeline_name}"
    elif not source.local:
        received = f"of --target {source.target}"
    elif is_under_way(source):
        received = "that is still running"
    if received is not None:
        raise UsageError(
            f"Could not build on execution {source.execution_id}: it must be one of {pipeline} in the "
            f"local engine that has ended, and this is one {received}. They are listed by: python -m "
            "pipeline executions"
        )
    return source


def own_images(text: str, given: Mapping[str, object]) -> list[str]:
    """What `--image` has to say so that this project's image stands for AWS's, unless the user names others."""
    from pipeline.targets.job_image import image_tag

    defaults = {each["Name"]: each.get("DefaultValue") for each in json.loads(text)["Parameters"]}
    replaced = dict.fromkeys(
        defaults[name] for name in IMAGE_PARAMETERS if name in defaults.keys() - given.keys()
    )
    return [f"{uri}={image_tag()}" for uri in replaced]


def name_champion(
    target: Target, settings: Settings, values: dict[str, Value], given: Collection[str]
) -> None:
    """Sets in `values`, unless the user has `given` it, the newest approved package; NO_CHAMPION when none is.

    Looked up here and not by the job, whose result could otherwise not be reused: its key has the answer.
    """
    if "ChampionModelPackage" in given:
        return
    group = str(values.get("ModelPackageGroupName", settings.model_package_group))
    package = target.newest_approved(group)
    if package is not None:
        say(f"Champion: version {package.version} of {group}, the newest approved one.")
    values["ChampionModelPackage"] = NO_CHAMPION if package is None else package.arn


def check_following(args: argparse.Namespace) -> None:
    """Raises UsageError where `show` is to publish what it does not follow."""
    if args.mlflow is not None and not args.follow:
        raise UsageError(
            "--mlflow goes with --follow: it publishes an execution while that is followed. Publish one that has "
            "ended with: python -m pipeline mlflow publish ID"
        )


def check_run(args: argparse.Namespace, *, account: bool = False) -> None:
    """Raises UsageError for what `run` can know to be wrong before anything starts; see check_choices."""
    check_choices(args, account=account)
    if args.result is not None:
        check_writable(args.result)
