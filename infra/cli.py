"""The command line of the stack: plan, deploy, status, destroy.

Exit statuses: 0 done, or nothing to do; 1 it failed, or the stack is not deployed (status); 2 wrong usage;
130 interrupted (what CloudFormation has begun goes on).
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from pipeline.cli.arguments import Parser
from pipeline.console import say
from pipeline.definition.settings import PROJECT
from pipeline.errors import FashionError, UsageError

if TYPE_CHECKING:
    from infra.aws import Aws

    Connect = Callable[[str | None, str | None], Aws]

INTERRUPTED = 130


def build_parser() -> argparse.ArgumentParser:
    """The parser of every command."""
    parser = Parser(
        prog="python -m infra",
        description="Makes, shows and removes what an AWS account needs: the stack of infra/stack.yaml.",
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    plan = commands.add_parser("plan", help="show what deploying would change, and ask whether to")
    deploy = commands.add_parser("deploy", help="the same; --yes does not ask")
    status = commands.add_parser("status", help="show the stack's state, parameters and outputs")
    destroy = commands.add_parser("destroy", help="delete the stack")
    for command in (plan, deploy, status, destroy):
        command.add_argument(
            "--stack",
            metavar="NAME",
            help=f"the stack's name ({PROJECT}, with ENVIRONMENT at its end if set)",
        )
        command.add_argument("--region", metavar="REGION", help="AWS region (default: as the profile says)")
        command.add_argument("--profile", metavar="NAME", help="profile with the credentials")
    for command in (plan, deploy):
        command.add_argument(
            "--param",
            action="append",
            default=[],
            metavar="NAME=VALUE",
            help="set a parameter of the stack; others stay as they are; may be repeated",
        )
    for command in (deploy, destroy):
        command.add_argument("--yes", action="store_true", help="do not ask")
    status.add_argument("--json", action="store_true", help="print JSON")
    destroy.add_argument(
        "--delete-data",
        action="store_true",
        help="also delete, for good, what buckets, model registry and image repository hold, and the pipeline",
    )
    return parser


def main(argv: Sequence[str], connect: Connect | None = None) -> int:
    """Runs one command; returns the exit status. `connect` opens the account; by default, infra.aws does."""
    args = build_parser().parse_args(argv)
    try:
        return run(args, connect)
    except FashionError as error:
        say(str(error))
        return error.exit_status
    except KeyboardInterrupt:
        say("\nInterrupted. CloudFormation continues what it has begun. Watch it: python -m infra status")
        return INTERRUPTED


def run(args: argparse.Namespace, connect: Connect | None) -> int:
    """Opens AWS and carries out `args`. Raises FashionError."""
    from infra.aws import open_aws
    from infra.aws_errors import translate_errors
    from infra.deploying import deploy, parse_assignments
    from infra.destroying import destroy
    from infra.regions import for_region
    from infra.stack import Stack
    from infra.status import status
    from infra.talk import Talk
    from infra.template import compact, load_template
    from pipeline.targets.aws.stack import stack_name

    parameters = parse_assignments(getattr(args, "param", []))
    name = args.stack or stack_name(os.environ)
    talk = Talk(show=print, say=say, ask=ask if sys.stdin.isatty() else None)
    with translate_errors(args.command):
        aws = (connect or open_aws)(args.profile, args.region)
        stack = Stack(aws.client("cloudformation"), name)
        if args.command == "status":
            return status(aws, stack, as_json=args.json, talk=talk)
        if args.command == "destroy":
            return destroy(aws, stack, delete_data=args.delete_data, certain=args.yes, talk=talk)
        certain = args.command == "deploy" and args.yes
        template, lacking = for_region(load_template(), aws.region)
        if "Budget" in lacking:
            say(
                f"CloudFormation makes no budgets in {aws.region}: nobody is told of costs. Make one by hand "
                "(Billing, Budgets)."
            )
        if "MlflowApp" in lacking and parameters.get("CreateMlflowApp") == "true":
            raise UsageError(
                f"CloudFormation makes no MLflow apps in {aws.region}. Leave CreateMlflowApp out; an app that you "
                "make by hand is named with: python -m pipeline run --target sagemaker --mlflow ARN"
            )
        return deploy(aws, stack, compact(template), parameters, certain=certain, talk=talk)


def ask(question: str) -> str:
    """The answer of whoever is at the terminal; nothing when they close it."""
    print(question, end="", file=sys.stderr, flush=True)
    return sys.stdin.readline()
