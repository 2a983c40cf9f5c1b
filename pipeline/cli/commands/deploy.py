"""`deploy`: puts an approved model of the account's registry behind a SageMaker endpoint."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from pipeline.cli.commands.on_sagemaker.following import ask
from pipeline.cli.entrance import INTERRUPTED
from pipeline.console import say
from pipeline.definition.settings import CAPTURED, PROJECT
from pipeline.errors import AwsError, CredentialsError, FashionError, RegistryError, UsageError
from pipeline.interrupts import interrupt_on_signals

if TYPE_CHECKING:
    from pipeline.inference.serving.deploying import Situation
    from pipeline.inference.serving.deployment import Deployment
    from pipeline.inference.serving.hosting import Hosting
    from pipeline.registry import Package

APPROVE = "python -m pipeline registry approve V --target sagemaker"


def main(args: argparse.Namespace) -> int:
    """Looks at what is there, asks, does it, and waits until the endpoint is in service."""
    hosting = hosting_of(args)
    from pipeline.inference.serving.autoscaling import Autoscaling
    from pipeline.inference.serving.deploying import Deploying, Need, look
    from pipeline.inference.serving.endpoints import DeployFailed, Endpoints
    from pipeline.inference.serving.hosting_cost import agree, say_hosting_cost
    from pipeline.inference.serving.live_line import LiveLine

    tested = smoke_test(args) if args.smoke else None  # before anything is made
    deployment, target = deployment_of(args, hosting)
    name = deployment.endpoint
    line = LiveLine(f"Endpoint {name}", sys.stderr)
    autoscaling = Autoscaling(target.account.client("application-autoscaling"), deployment.project)
    endpoints = Endpoints(target.client, line.show, autoscaling=autoscaling)
    try:
        with interrupt_on_signals():
            say(f"AWS: {target.account}")
            situation = look(endpoints, deployment)
            line.end()
            if situation.need is not Need.NOTHING:
                say(describe(deployment, situation))
                say(say_hosting_cost(hosting, target.prices))
                agree(
                    "Deploy it?",
                    f"Deploying to the endpoint {name}",
                    certain=args.yes,
                    ask=ask if sys.stdin.isatty() else None,
                )
                deploying = Deploying(endpoints, deployment, say)
                deploying.carry_out(situation)
                if tested is not None:
                    line.end()
                    tested(target, lambda why: deploying.put_back(situation, why))
            elif tested is not None:  # an earlier command may have been cut off before its test
                tested(
                    target,
                    lambda why: DeployFailed(f"{why} {name} served this before, and still does."),
                )
    except KeyboardInterrupt:
        line.end()
        say(
            "Detached. The work in AWS continues and keeps incurring charges.\n"
            f"  Follow it again:  the same command once more\n"
            f"  Remove it:        python -m pipeline undeploy --endpoint {name}"
        )
        return INTERRUPTED
    finally:
        line.end()
    already = " already: nothing to do" if situation.need is Need.NOTHING else ""
    print(f"Endpoint {name} serves version {deployment.version} ({hosting}){already}.")
    say(f"Ask it with:     python -m pipeline invoke IMAGE… --endpoint {name}")
    say(f"Remove it with:  python -m pipeline undeploy --endpoint {name}")
    return 0


def smoke_test(args: argparse.Namespace) -> Callable[[Any, Callable[[str], FashionError]], None]:
    """A test of the endpoint, whose sample is read at once. It raises what it is given makes of its failure."""
    from pipeline.cli.commands.smoke import data_folder, wanted_of
    from pipeline.inference.serving.smoke import SmokeFailed, check, held_sample, measure
    from pipeline.inference.serving.transports import AskingFailed, Endpoint

    wanted = wanted_of(args)
    sample = held_sample(data_folder(args.data), wanted.images)

    def test(target: Any, failed: Callable[[str], FashionError]) -> None:
        name = args.endpoint_name or target.stack.pipeline_name
        transport = Endpoint(target.account.client("sagemaker-runtime"), name)
        try:
            measured = measure(transport, sample)
            check(measured, wanted, transport.name)
        except (SmokeFailed, AskingFailed, CredentialsError, AwsError) as error:
            raise failed(str(error)) from error
        say(f"Smoke test: {measured}.")

    return test


def hosting_of(args: argparse.Namespace) -> Hosting:
    """What the endpoint is to run on. Raises UsageError for what does not go together."""
    from pipeline.inference.serving.deployment import NO_CAPTURE, check_percent
    from pipeline.inference.serving.hosting import (
        DEFAULT_CONCURRENCY,
        DEFAULT_INSTANCE,
        DEFAULT_MEMORY_MB,
        DEFAULT_REQUESTS,
        NO_SCALING,
        Hosting,
    )

    if args.serverless and args.max_instances is not None:
        raise UsageError(NO_SCALING)
    if args.requests is not None and args.max_instances is None:
        raise UsageError(f"--requests says when to scale, which needs --max-instances (got {args.requests}).")
    excluded = (
        {"--instances": args.instances}
        if args.serverless
        else {"--memory": args.memory, "--concurrency": args.concurrency}
    )
    for flag, value in excluded.items():
        if value is not None:
            clash = "does not go with --serverless" if args.serverless else "goes with --serverless"
            raise UsageError(f"{flag} {value} {clash}. Leave {flag} out.")
    if args.capture is not None:
        check_percent(args.capture)
        if args.serverless:
            raise UsageError(NO_CAPTURE)
    return Hosting(
        instance_type=None if args.serverless else args.instance_type or DEFAULT_INSTANCE,
        instances=1 if args.instances is None else args.instances,
        memory_mb=DEFAULT_MEMORY_MB if args.memory is None else args.memory,
        concurrency=DEFAULT_CONCURRENCY if args.concurrency is None else args.concurrency,
        max_instances=args.max_instances,
        requests=DEFAULT_REQUESTS if args.requests is None else args.requests,
    )


def deployment_of(args: argparse.Namespace, hosting: Hosting) -> tuple[Deployment, Any]:
    """What is to be deployed, and the target that it is deployed in.

    Raises:
        UsageError: a name that is none, or no stack, or one without a role for endpoints.
        RegistryError: there is no such version, or it is not approved.
        CredentialsError, AwsError: the account cannot be opened, or refuses.
    """
    from pipeline.inference.serving.deployment import Capturing, Deployment, check_endpoint_name
    from pipeline.targets.aws.aws_errors import translate_errors
    from pipeline.targets.sagemaker import open_sagemaker

    if args.endpoint_name is not None:
        check_endpoint_name(args.endpoint_name)
    target = open_sagemaker(os.environ)
    stack = target.stack
    if not stack.endpoint_role:
        raise UsageError(
            f"The stack {stack.name} has no role for endpoints (EndpointRoleArn). Bring it up to date "
            "with: make infra-deploy"
        )
    registry = target.registry(args.group or stack.models_from or None)
    with translate_errors(f"Looking at the model package group {registry.group}"):
        packages = registry.packages()
    package = approved_package(packages, args.model, registry.group, args.stage)
    check_instance(package, hosting)
    name = args.endpoint_name or stack.pipeline_name
    deployment = Deployment(
        endpoint=name,
        project=stack.pipeline_name,
        version=package.version,
        package_arn=package.arn,
        role=stack.endpoint_role,
        hosting=hosting,
        # The stack's alarms watch the endpoint that is called as the project is.
        alarms=stack.endpoint_alarms if name == stack.pipeline_name else (),
        capturing=None
        if args.capture is None
        else Capturing(args.capture, f"s3://{stack.bucket}/{PROJECT}/{CAPTURED}", stack.key),
    )
    return deployment, target


def check_instance(package: Package, hosting: Hosting) -> None:
    """Raises UsageError for an instance type that the package was not registered for, which SageMaker refuses."""
    if hosting.serverless or not package.instance_types or hosting.instance_type in package.instance_types:
        return
    raise UsageError(
        f"Choosing what an endpoint runs on: version {package.version} is registered for "
        f"{', '.join(package.instance_types)} and not for {hosting.instance_type}, which SageMaker refuses. Take "
        "one of them with --instance-type, or --serverless."
    )


def approved_package(
    packages: Sequence[Package], version: int | None, group: str, stage: str | None = None
) -> Package:
    """The approved package of that version, or the newest, of those that were promoted to `stage`.

    What is in production has been in staging. Raises RegistryError when it is not approved, or not promoted.
    """
    from pipeline.registry import STAGES, find_package

    doing = f"Choosing a model of the model package group {group} to deploy"
    if stage is not None:
        staged = [each for each in packages if each.stage in STAGES[STAGES.index(stage) :]]
        if not any(version in (None, each.version) for each in staged):
            found = "no version was" if version is None else f"version {version} was not"
            raise RegistryError(
                f"{doing}: {found} promoted to {stage}. Promote one, as a person: python -m pipeline registry "
                f"promote {version or 'V'} --to {stage} --target sagemaker"
            )
        packages = staged
    if version is None:
        package = next((each for each in packages if each.approval == "Approved"), None)
        if package is None:
            have = "; ".join(f"{each.version} is {each.approval}" for each in packages) or "no versions"
            raise RegistryError(f"{doing}: no version is approved ({have}). Approve one with: {APPROVE}")
        return package
    package = find_package(packages, version, group)
    if package.approval != "Approved":
        raise RegistryError(
            f"{doing}: version {version} is {package.approval}, not approved. Approve it with: "
            f"{APPROVE.replace(' V ', f' {version} ')}"
        )
    return package


def describe(deployment: Deployment, situation: Situation) -> str:
    """What is going to be done, in a sentence."""
    from pipeline.inference.serving.deploying import Need

    name, new = deployment.endpoint, f"version {deployment.version} on {deployment.hosting}"
    if deployment.capturing:
        config = deployment.capturing.as_config(deployment.version)
        new += (
            f", capturing {deployment.capturing.percent} % of the requests with their answers in "
            f"{config['DestinationS3Uri']} (which costs what S3 costs)"
        )
    before = situation.before
    if situation.need is Need.SCALE:
        return f"The endpoint {name} serves {deployment.config_name} already; it changes to {deployment.hosting}."
    if situation.scaling and not deployment.hosting.scaling:
        new += f" (and no longer scales; until now up to {situation.scaling.maximum} instances)"
    if situation.need is Need.UPDATE and before is not None:
        return f"The endpoint {name} serves {before.config}, and keeps answering while it changes to {new}."
    if situation.need is Need.REPLACE and before is not None:
        why = f"{before.status} {before.reason}".rstrip(". ")
        return f"The endpoint {name} is {why}: removing it, and creating it again with {new}."
    return f"Creating the endpoint {name}, with {new}."
