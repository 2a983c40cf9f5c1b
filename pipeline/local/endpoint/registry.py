"""The model registry: moto answers, and what it was told is in the state folder before its answer goes out."""

from __future__ import annotations

import threading
from typing import Any

from pipeline.local.endpoint.named import Tags
from pipeline.local.endpoint.wire import Request, ServiceError
from pipeline.local.state.local_aws import LocalAws
from pipeline.local.state.registry_state import unchecked

# What moto has of the registry. The others are refused by name.
READING = (
    "DescribeModelPackage", "DescribeModelPackageGroup", "ListModelPackages", "ListModelPackageGroups",
)  # fmt: skip
CHANGING = ("CreateModelPackage", "CreateModelPackageGroup", "UpdateModelPackage")


class RegistryCalls:
    """The registry's operations. Usable from several threads."""

    def __init__(self, aws: LocalAws, tags: Tags) -> None:
        self._aws = aws
        self._tags = tags
        # Between a change in moto and its record no other may come.
        self._lock = threading.Lock()

    def ask(self, operation: str, request: Request) -> Request:
        """The answer of the local registry to an operation."""
        if operation in READING:
            return self._call(operation, request)
        with self._lock:
            answer = self._call(operation, request)
            self._aws.persist_registry()
            if request.get("ModelLifeCycle"):
                self._aws.registry.set_life_cycle(answer["ModelPackageArn"], request["ModelLifeCycle"])
        arn = answer.get("ModelPackageArn") or answer.get("ModelPackageGroupArn")
        if request.get("Tags") and arn:
            self._tags.add(arn, request["Tags"])
        return answer

    def _call(self, operation: str, request: Request) -> Request:
        from botocore import xform_name
        from botocore.exceptions import ClientError, ParamValidationError

        client: Any = self._aws.client("sagemaker")
        try:
            answer: Request = getattr(client, xform_name(operation))(**request)
        except ParamValidationError as error:
            raise ServiceError("ValidationException", str(error)) from None
        except ClientError as error:
            said = error.response["Error"]
            raise ServiceError(str(said["Code"]), str(said["Message"])) from None
        answer.pop("ResponseMetadata", None)
        answer = unchecked(answer)
        if operation == "DescribeModelPackage" and "ModelPackageGroupName" in answer:
            # The service has it always; moto not for a version of a group.
            answer.setdefault("ModelPackageName", answer["ModelPackageGroupName"])
        if operation == "DescribeModelPackage" and (
            stage := self._aws.registry.life_cycle(answer["ModelPackageArn"])
        ):
            answer["ModelLifeCycle"] = stage
        if operation == "DescribeModelPackageGroup":
            answer.setdefault("CreatedBy", {})
        return answer
