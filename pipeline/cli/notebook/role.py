"""Finds the role that this machine's AWS credentials stand for. Run by the notebook, in .venv, in Studio:

python -m pipeline.cli.notebook.role

prints its ARN. Exit status 1: there are no credentials, or STS cannot be reached.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from typing import Any

from pipeline.targets.aws.answers import guard
from pipeline.targets.aws.aws_errors import AWS_ERRORS

SECONDS = 5


def find_role(client: Callable[[str], Any]) -> str:
    """The ARN of the role, or of the user; `client` makes the boto3 client of a service.

    STS leaves a role's path out; where IAM may not be asked for it, so does the answer.

    Raises:
        one of AWS_ERRORS: STS does not answer.
    """
    arn: str = client("sts").get_caller_identity()["Arn"]
    assumed = re.fullmatch(r"arn:([a-z-]+):sts::(\d{12}):assumed-role/([^/]+)/.+", arn)
    if assumed is None:
        return arn
    partition, account, name = assumed.groups()
    try:
        found: str = client("iam").get_role(RoleName=name)["Role"]["Arn"]
    except AWS_ERRORS:
        return f"arn:{partition}:iam::{account}:role/{name}"
    return found


def main() -> int:
    """Prints the ARN; returns the exit status."""
    import boto3
    from botocore.config import Config

    patience = Config(connect_timeout=SECONDS, read_timeout=SECONDS, retries={"max_attempts": 1})
    try:
        session = guard(boto3.Session())
        print(find_role(lambda service: session.client(service, config=patience)))
    except AWS_ERRORS as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
