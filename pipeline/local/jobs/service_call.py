"""A step that is one call of a service instead of a job (RegisterModel, Model): what it is given, what it needs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from pipeline.botocore_errors import client_errors
from pipeline.errors import StepFailed
from pipeline.local.jobs.channels import UPLOAD_HINT
from pipeline.local.jobs.inputs import is_there
from pipeline.local.jobs.joblog import JobLog
from pipeline.local.state.local_aws import LocalAws
from pipeline.spec.definition import Json


@dataclass(frozen=True)
class ServiceCall:
    """`request` is resolved, in the shape of the operation's input; `name` is what the service would name it.

    `members` are what the step has beside its arguments, `upstream` the properties of steps that it depends on.
    `again`: an earlier attempt of this step in this execution began, and may have got as far as the call.
    """

    name: str
    request: Mapping[str, Json]
    execution_arn: str
    again: bool
    aws: LocalAws
    log: JobLog
    members: Mapping[str, Json] = field(default_factory=dict)
    upstream: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)


@contextmanager
def call_errors(doing: str) -> Iterator[None]:
    """Turns what boto3 raises into StepFailed, naming what was being done."""
    try:
        yield
    except client_errors() as error:
        raise StepFailed(
            f"{doing}: the local SageMaker refused the request: {error}. Correct the step's arguments in the "
            "definition."
        ) from error


def require_model_data(call: ServiceCall, containers: Iterable[Mapping[str, Json]]) -> None:
    """Check, as the service does, that the model data of every container exists.

    Raises:
        StepFailed: the local S3 has nothing at one of the URIs, or the registry no such package.
    """
    for container in containers:
        source = (container.get("ModelDataSource") or {}).get("S3DataSource") or {}
        for uri in (container.get("ModelDataUrl"), source.get("S3Uri")):
            if uri is None:
                continue
            if not is_there(call.aws, uri):
                raise StepFailed(
                    f"There is no model data at {uri} in the local S3. {UPLOAD_HINT.format(uri=uri)}"
                )
        if package := container.get("ModelPackageName"):
            with call_errors(f"Looking for the model package {package}"):
                call.aws.client("sagemaker").describe_model_package(ModelPackageName=package)
