"""`run --target sagemaker`: check the account, say what it can cost, start at most once, follow, report."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.cli.commands.choices import champion, check_run
from pipeline.cli.commands.compile_options import compile_choices, mlflow_app
from pipeline.cli.commands.on_sagemaker.following import ask, watch
from pipeline.console import say
from pipeline.definition.parameters import Value, parse_parameters
from pipeline.errors import UsageError
from pipeline.tracking.place import place_of_stack

if TYPE_CHECKING:
    from pipeline.definition.settings import Choices, Settings
    from pipeline.targets.aws.start import StartRequest
    from pipeline.targets.sagemaker import SageMakerTarget


def main(args: argparse.Namespace) -> int:
    """Runs this project's pipeline in SageMaker; returns the exit status."""
    check_run(args)
    if args.definition is not None or args.upload:
        raise UsageError(
            "--definition and --upload go with --target local: --target sagemaker runs this project's "
            "own pipeline. Leave --target out, or --definition and --upload."
        )
    given = parse_parameters(args.param)
    choices = compile_choices(args, given)

    from pipeline.targets.aws.cost import ceiling, confirm, cost_limit, say_cost
    from pipeline.targets.aws.plan import plan_jobs
    from pipeline.targets.aws.stack import settings_for

    limit = cost_limit(args.max_cost, os.environ)
    target = open_checked(args, given, choices)
    args.mlflow = place_of_stack(args.mlflow, target.stack)
    choices["mlflow_app"] = mlflow_app(args.mlflow)
    settings = settings_for(target.account.id, target.account.region, target.stack, choices, given)
    data = find_data(args, target, settings, given)
    cost = ceiling(plan_jobs(settings, given, args.only), target.prices)
    say_cost(cost, say)
    confirm(cost, limit, certain=args.yes, ask=ask if sys.stdin.isatty() else None)
    request = prepare(args, target, settings, given, data)
    arn = start(target, settings, request)
    return watch(args, target, arn)


def open_checked(args: argparse.Namespace, given: dict[str, Value], choices: Choices) -> SageMakerTarget:
    """The target, once all that a run needs has been found to be there.

    Raises PreflightFailed with all that is not.
    """
    from pipeline.definition.settings import local_settings
    from pipeline.local.state.state_dir import home_from
    from pipeline.targets.aws.account import open_account
    from pipeline.targets.aws.images import chosen_images
    from pipeline.targets.aws.plan import plan_jobs
    from pipeline.targets.aws.preflight import check_account, find_stack, require_all
    from pipeline.targets.aws.stack import stack_name
    from pipeline.targets.sagemaker import SageMakerTarget

    home = home_from(os.environ)
    account = open_account(os.environ)
    say(f"Checking {account} …")
    # Which jobs there are does not depend on the stack, which may be what is missing.
    jobs = plan_jobs(local_settings(account.id, account.region, **choices), given, args.only)
    images = chosen_images(account.region, account.domain, given)
    stack, finding = find_stack(account, stack_name(os.environ))
    key = str(choices.get("kms_key", ""))
    require_all([finding, *check_account(account, stack, jobs, images, args.parallel, given, key)], say)
    assert stack is not None  # else that was found to be wrong
    return SageMakerTarget(home, account, stack)


def find_data(
    args: argparse.Namespace, target: SageMakerTarget, settings: Settings, given: dict[str, Value]
) -> Path | str | None:
    """The data set: a folder of this machine, or its URI in the bucket; None when a parameter names it."""
    if args.data is None and ("InputDataUri" in given or args.only):
        return None
    from pipeline.dataset.choice import find_dataset

    variable = os.environ.get("FASHION_DATA")
    named = args.data or (Path(variable) if variable else None)
    if named is None and (uri := target.data_set_uri(settings)) is not None:
        return uri
    folder = find_dataset(named, target.home.root / "data", any_data=args.any_data)
    say(f"Data set: {folder}")
    return folder


def prepare(
    args: argparse.Namespace,
    target: SageMakerTarget,
    settings: Settings,
    given: dict[str, Value],
    data: Path | str | None,
) -> StartRequest:
    """Compiles, checks and uploads what an execution needs, and returns the request that starts it."""
    from pipeline.spec.validation import check_definition
    from pipeline.targets.aws.aws_errors import plain_words
    from pipeline.targets.aws.definitions import without_cache
    from pipeline.targets.aws.listed_steps import check_selection, read_graph
    from pipeline.targets.aws.start import StartRequest

    text = target.compile(settings)
    check_selection(args.only, read_graph(text))
    if args.no_cache:
        text = without_cache(text)
    values = dict(given)
    if "InputDataUri" in values:
        # SageMaker takes all keys that begin so: raw/incoming would be raw/incoming2, too.
        values["InputDataUri"] = f"{str(values['InputDataUri']).rstrip('/')}/"
    if isinstance(data, Path):
        values["InputDataUri"] = target.upload_data(settings, data)
    elif data is not None:
        values["InputDataUri"] = data
    source = None
    if args.only:
        source = target.executions.find(args.source)
    elif "ChampionModelPackage" not in given:
        group = str(values.get("ModelPackageGroupName", settings.model_package_group))
        with plain_words(f"Looking for the champion in {group}"):
            values["ChampionModelPackage"] = champion(target.registry(group).newest_approved(), group)
    check_definition(json.loads(text), values)
    return StartRequest(
        pipeline=settings.pipeline_name,
        definition=text,
        values=values,
        again=args.again,
        parallel=args.parallel,
        only=tuple(args.only),
        source=source,
    )


def start(target: SageMakerTarget, settings: Settings, request: StartRequest) -> str:
    """The ARN of the execution of this request: of the one that it started before, else of a new one."""
    from pipeline.targets.aws.records import id_of
    from pipeline.targets.aws.start import start_execution

    started = target.executions.started_as(request.display_name)
    if started is not None:
        say(
            f"This very run was started before, as execution {id_of(started)}: nothing new is started. "
            f"To run it once more: --again {request.again + 1}"
        )
        return started
    target.upsert(settings, request.definition)
    try:
        arn = start_execution(target.client, request)
    except KeyboardInterrupt:
        say("Interrupted while it was starting. The same command finds the execution, should there be one.")
        raise
    say(f"Execution {id_of(arn)} has started.")
    return arn
