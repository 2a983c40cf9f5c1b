"""The stack as `local-sagemaker` has it: what `--target sagemaker` looks for in an account, without CloudFormation.

Its roles and key are names alone: the local SageMaker takes any role.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import escape

from pipeline.definition.settings import PROJECT
from pipeline.local.state.isolation import ACCOUNT, BUCKET, REGION


def outputs() -> dict[str, str]:
    """The outputs of infra/stack.yaml, without a network and alarms."""
    roles = {
        f"{name}RoleArn": f"arn:aws:iam::{ACCOUNT}:role/{PROJECT}-{name.lower()}"
        for name in ("Pipeline", "Job", "Evaluation", "Endpoint")
    }
    return {
        "BucketName": BUCKET,
        "KeyArn": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/00000000-0000-0000-0000-000000000000",
        "PipelineName": PROJECT,
        "ModelPackageGroupName": PROJECT,
        **roles,
    }


def describe_stacks(form: Mapping[str, str], client: Any) -> str:
    """The result of CloudFormation's DescribeStacks: the stack of whatever name is asked for.

    `client` (SageMaker) makes its group of packages, should that not be there yet.
    """
    groups = client.list_model_package_groups(NameContains=PROJECT)["ModelPackageGroupSummaryList"]
    if all(each["ModelPackageGroupName"] != PROJECT for each in groups):
        client.create_model_package_group(ModelPackageGroupName=PROJECT)
    listed = "".join(
        f"<member><OutputKey>{key}</OutputKey><OutputValue>{escape(value)}</OutputValue></member>"
        for key, value in outputs().items()
    )
    return (
        f"<Stacks><member><StackName>{escape(form.get('StackName') or PROJECT)}</StackName>"
        "<StackStatus>CREATE_COMPLETE</StackStatus><CreationTime>2026-01-01T00:00:00Z</CreationTime>"
        f"<Outputs>{listed}</Outputs></member></Stacks>"
    )
