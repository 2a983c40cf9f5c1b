"""The container images that the jobs start from, known before the SDK is imported, and whether they are there."""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from pipeline.definition.parameters import PARAMETERS, Value
from pipeline.targets.aws.aws_errors import is_missing

# As sdk_parameters.py asks the SDK for; a test compares the two.
VERSION, PYTHON = "2.21.0", "py312"
_GPU = re.compile(r"ml\.(g|p)[0-9]")
_IN_ECR = re.compile(
    r"(?P<registry>[0-9]{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.[a-z0-9.]+/(?P<repository>[^:@]+)"
    r"(?:(?P<sign>[:@])(?P<name>.+))?"
)


def default_image(region: str, domain: str, instance_type: str) -> str | None:
    """AWS's TensorFlow container for training and processing; None where AWS has none in `region`.

    `domain` is the DNS suffix of the region's registries ("amazonaws.com").
    """
    account = _registries().get(region)
    if account is None:
        return None
    processor = "gpu" if _GPU.match(instance_type) else "cpu"
    return f"{account}.dkr.ecr.{region}.{domain}/tensorflow-training:{VERSION}-{processor}-{PYTHON}"


def chosen_images(region: str, domain: str, values: Mapping[str, Value]) -> dict[str, str | None]:
    """The images of an execution with these parameter values, by parameter; None where AWS has none."""
    defaults = {parameter.name: parameter.default for parameter in PARAMETERS}
    return {
        f"{kind}ImageUri": str(values[f"{kind}ImageUri"])
        if f"{kind}ImageUri" in values
        # As the definition's default: the image does not follow the instance type that is chosen at the start.
        else default_image(region, domain, str(defaults[f"{kind}InstanceType"]))
        for kind in ("Training", "Processing")
    }


@lru_cache(maxsize=1)
def _registries() -> dict[str, str]:
    """The accounts of AWS's images by region: the SDK's own table, read without importing the SDK."""
    spec = importlib.util.find_spec("sagemaker")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    tables = [
        Path(place) / "core" / "image_uri_config" / "tensorflow.json"
        for place in spec.submodule_search_locations
    ]
    table = next(path for path in tables if path.is_file())
    versions = json.loads(table.read_text(encoding="utf-8"))["training"]["versions"]
    registries: dict[str, str] = versions[VERSION]["registries"]
    return registries


def repository_arn(uri: str, partition: str) -> str | None:
    """The ARN of the repository that an image is pulled from; None for what is no image in ECR."""
    found = _IN_ECR.fullmatch(uri)
    if found is None:
        return None
    return f"arn:{partition}:ecr:{found['region']}:{found['registry']}:repository/{found['repository']}"


def image_fault(ecr: Any, uri: str) -> str | None:
    """Why `uri` cannot be pulled; None when it can.

    AWS's own registries let everyone pull but not look: so this asks for the manifest, as pulling does. Raises what
    boto3 raises when these credentials may not pull, which says nothing about the jobs' role.
    """
    found = _IN_ECR.fullmatch(uri)
    if found is None:
        return f"{uri} is not an image in ECR (ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME:TAG)"
    if found["name"] is None:
        return f"{uri} is not pinned: name the image as …/NAME:TAG or …/NAME@sha256:…"
    wanted = {"imageTag": found["name"]} if found["sign"] == ":" else {"imageDigest": found["name"]}
    try:
        answer = ecr.batch_get_image(
            registryId=found["registry"], repositoryName=found["repository"], imageIds=[wanted]
        )
    except ClientError as error:
        if is_missing(error, "RepositoryNotFoundException"):
            return f"there is no such repository: {uri}"
        raise
    failures = [each.get("failureReason") or each.get("failureCode") for each in answer.get("failures", [])]
    return f"{uri}: {'; '.join(map(str, failures))}" if failures else None
