"""`run --target sagemaker`: check the account, say what it can cost, start at most once, follow, report."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.cli.commands.choices import check_run, name_champion
from pipeline.cli.commands.compile_options import compile_choices, mlflow_app
from pipeline.cli.commands.on_sagemaker.following import ask, watch
from pipeline.console import say
from pipeline.definition.parameters import Value, parse_parameters
from pipeline.tracking.place import place_of_stack

if TYPE_CHECKING:
    from pipeline.definition.settings import Choices, Settings
    from pipeline.targets.aws.plan import Job
    from pipeline.targets.aws.start import StartRequest
    from pipeline.targets.aws.versions import Label
    from pipeline.targets.sagemaker import SageMakerTarget


def main(args: argparse.Namespace) -> int:
    """Runs this project's pipeline in SageMaker; returns the exit status."""
    check_run(args, account=True)
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
    version = None if args.pipeline_version is None else chosen_version(args, target)
    jobs = plan_jobs(settings, given, args.only) if version is None else version.jobs(given, args.only)
    cost = ceiling(jobs, target.prices)
    say_cost(cost, say)
    confirm(cost, limit, certain=args.yes, ask=ask if sys.stdin.isatty() else None)
    request = prepare(args, target, settings, given, data, version)
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


@dataclass(frozen=True)
class ChosenVersion:
    """A version of the pipeline that is started as it is."""

    number: int
    definition: str

    def jobs(self, given: Mapping[str, Value], only: Collection[str]) -> tuple[Job, ...]:
        """What it runs."""
        from pipeline.targets.aws.versions import jobs_of

        return tuple(job for job in jobs_of(self.definition, given) if not only or job.step in only)


def chosen_version(args: argparse.Namespace, target: SageMakerTarget) -> ChosenVersion:
    """The version of the pipeline that --pipeline-version names."""
    from pipeline.targets.aws.versions import Versions

    versions = Versions(target.client, target.stack.pipeline_name)
    found = versions.find(args.pipeline_version)
    say(
        f"Starting {found} of {found.created:%Y-%m-%d} as it is: flags that are compiled into it do not count."
    )
    return ChosenVersion(found.number, versions.definition(found))


def prepare(
    args: argparse.Namespace,
    target: SageMakerTarget,
    settings: Settings,
    given: dict[str, Value],
    data: Path | str | None,
    version: ChosenVersion | None = None,
) -> StartRequest:
    """Compiles, checks and uploads what an execution needs, and returns the request that starts it.

    Of a version that is there already nothing is compiled.
    """
    from pipeline.spec.validation import check_definition
    from pipeline.targets.aws.definitions import without_cache
    from pipeline.targets.aws.listed_steps import check_selection, read_graph
    from pipeline.targets.aws.start import StartRequest

    text = target.compile(settings) if version is None else version.definition
    check_selection(args.only, read_graph(text))
    if args.no_cache and version is None:
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
    else:
        name_champion(target, settings, values, given)
    check_definition(json.loads(text), values)
    return StartRequest(
        pipeline=settings.pipeline_name,
        definition=text,
        values=values,
        again=args.again,
        parallel=args.parallel,
        only=tuple(args.only),
        source=source,
        version=None if version is None else version.number,
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
    if request.version is None:
        target.upsert(settings, request.definition, label_of_code())
    try:
        arn = start_execution(target.client, request)
    except KeyboardInterrupt:
        say("Interrupted while it was starting. The same command finds the execution, should there be one.")
        raise
    say(f"Execution {id_of(arn)} has started.")
    return arn


def label_of_code() -> Label | None:
    """What a version of the pipeline is called that this code makes: its git commit; None where there is none."""
    from pipeline.study.origin import git_commit
    from pipeline.targets.aws.versions import Label

    found = git_commit()
    if found["commit"] is None:
        return None
    changed = "-changed" if found["changed"] else ""
    return Label(
        f"{found['commit'][:12]}{changed}",
        f"Commit {found['commit']}{', with changes that were not committed' if changed else ''}",
    )
