"""Registering the winner in SageMaker's Model Registry, once per execution however often it is tried.

evaluate.py calls it when the gate is passed. Pipelines' own RegisterModel step is not used because the SDK's local
mode lacks it.
"""

import re
import uuid
from dataclasses import asdict, dataclass, replace
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from job_failure import JobError

# What the registry accepts (API reference, CreateModelPackage: CustomerMetadataProperties).
_METADATA_KEY_LENGTH = 128
_METADATA_VALUE = re.compile(r"[\w .:/=+\-@]{1,256}")

_CONTENT_TYPES = (
    "application/json",
    "application/jsonlines",
    "text/csv",
)  # of TensorFlow Serving's container
_REALTIME_INSTANCES = ("ml.t2.medium", "ml.m5.large", "ml.c6i.large")
_REFUSALS = ("ValidationException", "AccessDeniedException")
_TRANSFORM_INSTANCES = ("ml.m5.large", "ml.c5.xlarge")


class RegistrationError(JobError):
    """The registry refused or failed. The message names the group."""


@dataclass(frozen=True)
class PackageRequest:
    """What to register. `evaluation_uri` is the S3 URI of evaluation.json, which must exist by now.

    `model_card` is the content of the package's model card, one line of JSON; None: without one. `baseline_uri` is
    the S3 URI of baseline.json with `baseline_digest`, what the monitor compares with; None: without one.
    """

    group: str
    execution_id: str
    description: str
    artifact_uri: str
    image: str
    evaluation_uri: str
    approval_status: str
    metadata: dict[str, str]
    model_card: str | None = None
    baseline_uri: str | None = None
    baseline_digest: str = ""


@dataclass(frozen=True)
class Registration:
    """The content of registration.json; `reason` is a sentence for people."""

    model_package_arn: str | None
    version: int | None
    registered: bool
    reason: str

    def to_json(self) -> dict[str, Any]:
        """As registration.json holds it."""
        return asdict(self)


def register(sagemaker: Any, request: PackageRequest) -> Registration:
    """Make sure that the group has exactly one package of this execution, and return it.

    Raises:
        RegistrationError: the registry refused or failed, or the metadata are nothing it accepts.
    """
    _check_metadata(request)
    try:
        _ensure_group(sagemaker, request.group)
        arn = _find(sagemaker, request)
        if arn is not None:
            return _registered(arn, request, "was registered by an earlier attempt of this execution")
        try:
            arn, told = _create(sagemaker, request)
        except ClientError as error:
            # Another attempt got there first: its client token is ours, its registration time is not.
            if error.response["Error"]["Code"] != "ConflictException":
                raise
            arn, told = _find(sagemaker, request), ""
            if arn is None:
                raise
    except (ClientError, BotoCoreError) as error:
        raise RegistrationError(
            f"Could not register the winner in the model package group {request.group!r}: {error}. Check the "
            "group's name and the role's permissions, and try again."
        ) from error
    return _registered(arn, request, f"is registered, {request.approval_status}{told}")


def _create(sagemaker: Any, request: PackageRequest) -> tuple[str, str]:
    """The new package's ARN, and what there is to tell about it.

    A card that the registry refuses must not cost the model: then the package is made without it.
    """
    try:
        return str(sagemaker.create_model_package(**_arguments(request))["ModelPackageArn"]), ""
    except ClientError as error:
        refusal = error.response["Error"]
        if request.model_card is None or refusal["Code"] not in _REFUSALS:
            raise
        if "card" not in refusal.get("Message", "").lower():
            raise
        bare = _arguments(replace(request, model_card=None))
        arn = str(sagemaker.create_model_package(**bare)["ModelPackageArn"])
        return arn, f", without its model card, which the registry refused: {refusal['Message'].rstrip('.')}"


def client_token(group: str, execution_id: str) -> str:
    """The same 36 characters for the same group and execution: the registry drops a request that it has had."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{group}/{execution_id}"))


def _registered(arn: str, request: PackageRequest, what: str) -> Registration:
    version = int(arn.rsplit("/", 1)[1])
    return Registration(arn, version, True, f"Version {version} of {request.group} {what}.")


def _ensure_group(sagemaker: Any, group: str) -> None:
    try:
        sagemaker.describe_model_package_group(ModelPackageGroupName=group)
        return
    except ClientError as error:
        if "does not exist" not in str(error):
            raise
    try:
        sagemaker.create_model_package_group(
            ModelPackageGroupName=group,
            ModelPackageGroupDescription="Fashion-MNIST classifiers that passed the pipeline's quality gate",
        )
    except ClientError as error:
        if "already exists" not in str(error):  # made by another execution a moment ago
            raise


def _find(sagemaker: Any, request: PackageRequest) -> str | None:
    # Listing does not show metadata. Newest first, as a retry looks for what was made minutes ago.
    pages = sagemaker.get_paginator("list_model_packages").paginate(
        ModelPackageGroupName=request.group, SortBy="CreationTime", SortOrder="Descending"
    )
    for page in pages:
        for summary in page["ModelPackageSummaryList"]:
            arn = str(summary["ModelPackageArn"])
            package = sagemaker.describe_model_package(ModelPackageName=arn)
            if package.get("CustomerMetadataProperties", {}).get("execution_id") == request.execution_id:
                return arn
    return None


def _arguments(request: PackageRequest) -> dict[str, Any]:
    card = {"ModelCardContent": request.model_card, "ModelCardStatus": "PendingReview"}
    baseline = {
        "ModelDataQuality": {
            "Statistics": {
                "ContentType": "application/json",
                "ContentDigest": request.baseline_digest,
                "S3Uri": request.baseline_uri,
            }
        }
    }
    has_baseline = request.baseline_uri is not None
    return {
        **({} if request.model_card is None else {"ModelCard": card}),
        "ModelPackageGroupName": request.group,
        "ModelPackageDescription": request.description[:1024],
        "ClientToken": client_token(request.group, request.execution_id),
        "ModelApprovalStatus": request.approval_status,
        "Domain": "COMPUTER_VISION",
        "Task": "IMAGE_CLASSIFICATION",
        "InferenceSpecification": {
            "Containers": [{"Image": request.image, "ModelDataUrl": request.artifact_uri}],
            "SupportedContentTypes": list(_CONTENT_TYPES),
            "SupportedResponseMIMETypes": ["application/json"],
            "SupportedRealtimeInferenceInstanceTypes": list(_REALTIME_INSTANCES),
            "SupportedTransformInstanceTypes": list(_TRANSFORM_INSTANCES),
        },
        "ModelMetrics": {
            "ModelQuality": {
                "Statistics": {"ContentType": "application/json", "S3Uri": request.evaluation_uri}
            },
            **(baseline if has_baseline else {}),
        },
        **({"DriftCheckBaselines": baseline} if has_baseline else {}),
        "CustomerMetadataProperties": {**request.metadata, "execution_id": request.execution_id},
    }


def _check_metadata(request: PackageRequest) -> None:
    for key, value in {**request.metadata, "execution_id": request.execution_id}.items():
        if not 1 <= len(key) <= _METADATA_KEY_LENGTH or not _METADATA_VALUE.fullmatch(value):
            raise RegistrationError(
                f"Could not register the winner in {request.group!r}: metadata must be 1 to 256 letters, "
                f"digits, spaces or _.:/=+-@, unlike {key}={value!r}."
            )
