"""What the command line asks of AWS, the deployer role may ask: read from the code that calls boto3."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import botocore.session
import pytest
from botocore import xform_name

from infra.resolving import ResolvedStack
from pipeline.targets.aws.iam_evaluator import as_list
from tests.infra.requests_of_roles import identity_statements

PIPELINE = Path(__file__).resolve().parents[2] / "pipeline"
CALLERS = (
    "targets/aws/*.py",
    "targets/sagemaker.py",
    "inference/serving/*.py",
    "inference/batch/*.py",
    "cli/commands/on_sagemaker/*.py",
    "registry.py",
    "definition/code_upload.py",
    "dataset/upload.py",
)
# Makes what the stack would in the local SageMaker; no account is asked.
OF_THIS_MACHINE = "local_stack.py"
# By boto3's service, that of IAM.
SERVICES = {
    "application-autoscaling": "application-autoscaling",
    "cloudformation": "cloudformation",
    "ecr": "ecr",
    "iam": "iam",
    "logs": "logs",
    "pricing": "pricing",
    "s3": "s3",
    "sagemaker": "sagemaker",
    "sagemaker-runtime": "sagemaker",
    "service-quotas": "servicequotas",
    "sts": "sts",
}
# IAM's names where they are not the API's.
ACTIONS = {
    "s3:HeadBucket": "s3:ListBucket",
    "s3:HeadObject": "s3:GetObject",
    "s3:ListObjectsV2": "s3:ListBucket",
}
NEVER = {
    "sagemaker:UpdateModelPackage": "a person approves, with permissions of their own",
    "sagemaker:Search": "a regular expression's method",
    "sts:GetCallerIdentity": "needs no permission",
}


def operations() -> dict[str, list[str]]:
    """IAM's actions by the name of boto3's method."""
    session = botocore.session.get_session()
    found: dict[str, list[str]] = {}
    for service, prefix in SERVICES.items():
        for operation in session.get_service_model(service).operation_names:
            action = f"{prefix}:{operation}"
            found.setdefault(xform_name(operation), []).append(ACTIONS.get(action, action))
    return found


def methods(file: Path) -> Iterator[str]:
    """The names of the methods that a module calls, and of the pages and waiters that it asks for."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            first = node.args[0] if node.args else None
            if node.func.attr == "get_paginator" and isinstance(first, ast.Constant):
                yield str(first.value)
            yield node.func.attr


def called() -> set[str]:
    known = operations()
    files = [file for pattern in CALLERS for file in PIPELINE.glob(pattern) if file.name != OF_THIS_MACHINE]
    return {action for file in files for name in methods(file) for action in known.get(name, ())} - set(NEVER)


@pytest.fixture(scope="module")
def granted(everything: ResolvedStack) -> set[str]:
    statements = identity_statements(everything, "DeployerRole")
    return {action for each in statements if each["Effect"] == "Allow" for action in as_list(each["Action"])}


def test_the_deployer_may_call_what_the_command_line_calls(granted: set[str]) -> None:
    assert called() - granted == set()


def test_the_calls_are_found() -> None:
    assert {"sagemaker:StartPipelineExecution", "s3:PutObject", "logs:GetLogEvents", "iam:GetRole"} < called()


@pytest.mark.parametrize("pattern", CALLERS)
def test_what_calls_is_where_it_is_looked_for(pattern: str) -> None:
    assert list(PIPELINE.glob(pattern))
