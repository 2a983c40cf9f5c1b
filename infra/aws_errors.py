"""AWS's errors in plain words, as pipeline/targets/aws/aws_errors.py has them, with what to do about a stack."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from infra.stack import InfraError
from pipeline.targets.aws.aws_errors import AWS_ERRORS, code_of, explain, is_forbidden


@contextmanager
def translate_errors(command: str) -> Iterator[None]:
    """Turns what boto3 raises within the block into InfraError."""
    try:
        yield
    except AWS_ERRORS as error:
        raise InfraError(str(explain(error, f"infra {command}", hint))) from error


def hint(error: BaseException) -> str:
    """What to do about an answer of AWS."""
    if is_forbidden(error):
        return "These credentials lack that permission: use an administrator's of this account, or ask one."
    if code_of(error) == "ValidationError":
        return "Correct what it names, then run the same command again."
    return "CloudFormation continues what it has begun. Watch it: python -m infra status"
