"""Creates the pipeline in SageMaker, or brings it up to date; does nothing when it is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Literal

from botocore.exceptions import ClientError

from pipeline.targets.aws.aws_errors import is_missing, translate_errors
from pipeline.targets.aws.versions import Label, label_version

Done = Literal["created", "updated", "unchanged"]


def upsert_pipeline(
    client: Any, name: str, definition: str, role: str, tags: Mapping[str, str], label: Label | None = None
) -> Done:
    """Makes the pipeline called `name` have this definition and role, and says what that took.

    A version that this makes is called as `label` says.

    Executions that run keep the definition that they were started with.

    Raises:
        CredentialsError, AwsError: SageMaker does not take it.
    """
    with translate_errors(f"Bringing the pipeline {name} up to date"):
        try:
            present = client.describe_pipeline(PipelineName=name)
        except ClientError as error:
            if not is_missing(error):
                raise
        else:
            if present["RoleArn"] == role and _same(present["PipelineDefinition"], definition):
                return "unchanged"
            made = client.update_pipeline(PipelineName=name, PipelineDefinition=definition, RoleArn=role)
            if label is not None:
                label_version(client, made, label)
            return "updated"
        made = client.create_pipeline(
            PipelineName=name,
            PipelineDefinition=definition,
            RoleArn=role,
            ClientRequestToken=hashlib.sha256(f"{name}\0{role}\0{definition}".encode()).hexdigest(),
            Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
        )
        if label is not None:
            label_version(client, made, label)
        return "created"


def _same(left: str, right: str) -> bool:
    """Whether two definitions say the same, however they are written."""
    if left == right:
        return True
    try:
        same: bool = json.loads(left) == json.loads(right)
    except ValueError:  # what is there is no JSON
        return False
    return same
