"""What SageMaker itself asks, out of what a job, an endpoint or a pipeline was made with. Pure.

Where AWS does not document which way it asks (asking.EITHER), every way is asked: each must be allowed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from infra.resolving import ACCOUNT, REGION
from pipeline.targets.aws.iam_evaluator import Request
from tests.infra.requests_of_roles import METRICS, VIA_S3
from tests.rehearsal.asking import (
    ARN,
    BUCKET,
    EITHER,
    KEY,
    SAGEMAKER_ITSELF,
    Ask,
    Put,
    object_arn,
    passing,
    reading,
    taking,
    writing,
)

Json = Mapping[str, Any]
Keys = Callable[[str], Sequence[str]]
PIPELINE_ROLE = "PipelineRole"


def role_name(arn: str) -> str:
    """The role's name out of its ARN."""
    return arn.rpartition("/")[2]


def pipeline_asks(act: str, pipeline: str, role: str) -> Iterator[Ask]:
    """Pipelines takes the pipeline's role, for the pipeline or for one of its executions."""
    for source in (pipeline, f"{pipeline}/execution/abcdefghijkl"):
        yield Ask(act, SAGEMAKER_ITSELF, taking(role, source))


def job_asks(act: str, kind: str, job: Json, keys: Keys) -> Iterator[Ask]:
    """A training or processing job (`kind`) as it is described. `keys` lists the objects that begin with a URI."""
    arn, role = job[f"{kind}JobArn"], job["RoleArn"]
    resource = f"{ARN}:{arn.split(':', 5)[5]}"
    for word in ("Create", "Describe", "Stop"):
        yield Ask(act, PIPELINE_ROLE, Request(f"sagemaker:{word}{kind}Job", resource))
    yield Ask(act, PIPELINE_ROLE, passing(role))
    for source in (resource, resource.lower()):
        yield Ask(act, SAGEMAKER_ITSELF, taking(role, source))
    mine = role_name(role)
    cluster = job.get("ResourceConfig") or job.get("ProcessingResources", {}).get("ClusterConfig", {})
    if cluster.get("VolumeKmsKeyId"):
        for who in (PIPELINE_ROLE, mine):
            yield Ask(act, who, Request("kms:DescribeKey", KEY))
            yield from (Ask(act, who, Request("kms:CreateGrant", KEY, context)) for context in EITHER.grants)
    specification = job.get("AlgorithmSpecification") or job.get("AppSpecification") or {}
    image = specification.get("TrainingImage") or specification.get("ImageUri", "")
    yield from container_asks(act, mine, image, f"/aws/sagemaker/{kind}Jobs")
    yield Ask(act, mine, Request("s3:GetBucketLocation", BUCKET))
    for uri in _inputs(job):
        yield from _read(act, mine, uri, keys)
    for uri, put in _outputs(job):
        for context in EITHER.through:
            yield from (Ask(act, mine, each) for each in writing(f"{object_arn(uri)}/file", put, context))
    if checkpoints := job.get("CheckpointConfig"):
        place = f"{object_arn(checkpoints['S3Uri'].rstrip('/'))}/file"
        for put in (
            Put(),
            Put("aws:kms"),
        ):  # its API takes no key, and what SageMaker sends is not documented
            yield from (Ask(act, mine, each) for each in writing(place, put))
        yield from (Ask(act, mine, each) for each in reading(place))


def container_asks(act: str, role: str, image: str, logs: str) -> Iterator[Ask]:
    """Pulling an image and writing logs and metrics, as the role of whoever runs the container."""
    account, _, rest = image.partition(".dkr.ecr.")
    repository = rest.partition("/")[2].partition(":")[0]
    yield Ask(act, role, Request("ecr:GetAuthorizationToken", "*"))
    for action in ("BatchCheckLayerAvailability", "BatchGetImage", "GetDownloadUrlForLayer"):
        place = f"arn:aws:ecr:{REGION}:{account}:repository/{repository}"
        yield Ask(act, role, Request(f"ecr:{action}", place))
    group = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{logs}"
    yield Ask(act, role, Request("logs:CreateLogGroup", group))
    yield Ask(act, role, Request("logs:PutLogEvents", f"{group}:log-stream:algo-1"))
    yield Ask(act, role, Request("cloudwatch:PutMetricData", "*", METRICS))


def endpoint_asks(
    act: str, name: str, role: str, image: str, model: str, alarms: Sequence[str]
) -> Iterator[Ask]:
    """An endpoint that loads `model`, the URI of an archive."""
    yield Ask(act, SAGEMAKER_ITSELF, taking(role, f"{ARN}:endpoint/{name}"))
    mine = role_name(role)
    yield from (Ask(act, mine, each) for each in reading(object_arn(model)))
    yield from container_asks(act, mine, image, f"/aws/sagemaker/Endpoints/{name}")
    for alarm in alarms:
        place = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{alarm}"
        yield Ask(act, mine, Request("cloudwatch:DescribeAlarms", place))


def _inputs(job: Json) -> Iterator[str]:
    for channel in job.get("InputDataConfig", ()):
        yield channel["DataSource"]["S3DataSource"]["S3Uri"]
    for each in job.get("ProcessingInputs", ()):
        if "S3Input" in each:
            yield each["S3Input"]["S3Uri"]


def _outputs(job: Json) -> Iterator[tuple[str, Put]]:
    def put(config: Json) -> Put:
        key = config.get("KmsKeyId")
        return Put("aws:kms", key) if key else Put()

    if config := job.get("OutputDataConfig"):
        yield config["S3OutputPath"].rstrip("/"), put(config)
    config = job.get("ProcessingOutputConfig", {})
    for each in config.get("Outputs", ()):
        yield each["S3Output"]["S3Uri"].rstrip("/"), put(config)


def _read(act: str, role: str, uri: str, keys: Keys) -> Iterator[Ask]:
    prefix = uri.removeprefix("s3://").partition("/")[2]
    for context in ({"s3:prefix": prefix}, {}):
        yield Ask(act, role, Request("s3:ListBucket", BUCKET, context))
    for key in keys(uri):
        yield Ask(act, role, Request("s3:GetObject", f"{BUCKET}/{key}"))
    yield from (Ask(act, role, Request("kms:Decrypt", KEY, context)) for context in EITHER.through)


def strangers(uri: str, keys: Keys) -> list[str]:
    """Objects that an input takes along though they lie in another folder: S3Prefix takes all that begins so."""
    prefix = uri.removeprefix("s3://").partition("/")[2]
    return [key for key in keys(uri) if key != prefix and not key.startswith(f"{prefix.rstrip('/')}/")]


__all__ = ["VIA_S3", "container_asks", "endpoint_asks", "job_asks", "pipeline_asks", "strangers"]
