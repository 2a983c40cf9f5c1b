"""ARNs of this server's resources, and what in a request names one."""

from __future__ import annotations

from pipeline.local.state.isolation import ACCOUNT, REGION

ARN = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}"
# Who asks, as far as STS says: a role in a session, so that clients that look for a role find one.
CALLER_ROLE = "local-sagemaker"
CALLER = f"arn:aws:sts::{ACCOUNT}:assumed-role/{CALLER_ROLE}/local"


def pipeline_key(name_or_arn: str) -> str:
    """What a pipeline is kept under: its name in small letters, as in its ARN."""
    return name_or_arn.rpartition("pipeline/")[2].lower()


def pipeline_arn(key: str) -> str:
    """The ARN of a pipeline."""
    return f"{ARN}:pipeline/{key}"


def execution_arn(key: str, execution_id: str) -> str:
    """The ARN of an execution of the pipeline."""
    return f"{pipeline_arn(key)}/execution/{execution_id}"


def execution_id_of(arn: str) -> str:
    """The id at the end of an execution's ARN."""
    return arn.rpartition("/execution/")[2]
