"""The JSON protocol of AWS's services, from the service's side, checked both ways against botocore's model."""

from __future__ import annotations

import datetime
import functools
import json
from typing import Any

import boto3
from botocore.validate import validate_parameters

from pipeline.spec.shapes import mismatches

TARGETS = {
    "SageMaker": "sagemaker",
    "Logs_20140328": "logs",
    "ServiceQuotasV20190624": "service-quotas",
    "AWSPriceListService": "pricing",
    "AmazonEC2ContainerRegistry_V20150921": "ecr",
}


class ServiceError(Exception):
    """An answer that is an error, with AWS's code for it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@functools.cache
def model(service: str) -> Any:
    """botocore's model of the service."""
    return boto3.Session("key", "secret", region_name="us-east-1").client(service).meta.service_model


def read_request(service: str, operation: str, body: bytes) -> dict[str, Any]:
    """The request; raises ServiceError when it breaks the model's shapes, patterns, enums or limits."""
    request: dict[str, Any] = json.loads(body or b"{}")
    shape = model(service).operation_model(operation).input_shape
    try:
        validate_parameters(request, shape)
    except Exception as error:
        raise ServiceError("ValidationException", str(error)) from error
    found = [str(each) for each in mismatches(request, shape, operation)]
    if found:
        raise ServiceError("ValidationException", "; ".join(found))
    return request


def write_answer(service: str, operation: str, answer: dict[str, Any]) -> bytes:
    """The body of the answer. Raises an error of this test's own when the service could not answer so."""
    shape = model(service).operation_model(operation).output_shape
    if shape is not None:
        validate_parameters(answer, shape)
    return json.dumps(answer, default=_seconds).encode()


def only_known(service: str, operation: str, fields: dict[str, Any]) -> dict[str, Any]:
    """What of `fields` the operation's answer has members for."""
    members = model(service).operation_model(operation).output_shape.members
    return {name: value for name, value in fields.items() if name in members}


def moment(value: str | float | None) -> datetime.datetime | None:
    """Seconds since the epoch, or ISO 8601, as a time."""
    if value is None:
        return None
    if isinstance(value, str):
        return datetime.datetime.fromisoformat(value)
    return datetime.datetime.fromtimestamp(value, datetime.UTC)


def _seconds(value: Any) -> Any:
    if isinstance(value, datetime.datetime):
        return value.timestamp()
    raise TypeError(f"no JSON for {value!r}")


__all__ = ["TARGETS", "ServiceError", "model", "moment", "only_known", "read_request", "write_answer"]
