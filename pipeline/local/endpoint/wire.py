"""The JSON protocol of AWS's services from the service's side, by botocore's model of each service."""

from __future__ import annotations

import datetime
import json
import math
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Any

from pipeline.local.state.registry_state import plain
from pipeline.spec.shapes import mismatches

Request = dict[str, Any]
_BAD_REQUEST = 400
# As DescribeTrainingJob and its like shape what is not there.
VALIDATION = "ValidationException"
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/CommonErrors.html; all others are 400.
_STATUS = {
    "InternalFailure": 500, "ServiceUnavailable": 503, "AccessDeniedException": 400, "InvalidClientTokenId": 403,
    "RequestEntityTooLarge": 413, "ModelError": 424,
}  # fmt: skip
_DEEPEST = 100
_LONGEST_KEPT = 4096
# What an answer must have and has nothing for, as long as a training has made no model.
_EMPTY = frozenset({".ModelArtifacts.S3ModelArtifacts"})
# The pattern of free text, a failure's reason, say: it has several lines all the same.
_ANY_TEXT = "must match .*,"


class ServiceError(Exception):
    """An answer that is an error, with the service's code for it."""

    def __init__(self, code: str, message: str, **members: Any) -> None:
        """`members` are what its shape has beside the message."""
        super().__init__(message)
        self.code = code
        self.members = members

    @property
    def status(self) -> int:
        """The HTTP status."""
        return _STATUS.get(self.code, _BAD_REQUEST)


def not_found(what: str) -> ServiceError:
    """The error for a pipeline or an execution that is not there."""
    return ServiceError("ResourceNotFound", f"{what} does not exist.")


@cache
def model(service: str) -> Any:
    """botocore's ServiceModel of a service."""
    from botocore.loaders import Loader
    from botocore.model import ServiceModel

    # A Loader of its own: a service model in ~/.aws/models must not decide what is valid.
    loader = Loader(include_default_search_paths=False, extra_search_paths=[Loader.BUILTIN_DATA_PATH])
    return ServiceModel(loader.load_service_model(service, "service-2"), service)


@cache
def operation_names(service: str) -> frozenset[str]:
    """The names of the operations that the service has."""
    return frozenset(model(service).operation_names)


def read_request(service: str, operation: str, body: bytes) -> Request:
    """The request in `body`.

    Raises:
        ServiceError: it is no JSON object, or breaks the model (members, types, patterns, lengths, enums).
    """
    # Who polls sends the same body again and again; a long one is not kept.
    check = _check if len(body) <= _LONGEST_KEPT else _check.__wrapped__
    check(service, operation, body)
    return _present(json.loads(body or b"{}"))


@lru_cache(maxsize=256)
def _check(service: str, operation: str, body: bytes) -> None:
    try:
        request = read_json(body or b"{}")
    except ValueError:
        raise ServiceError("SerializationException", "The body is not JSON.") from None
    if not isinstance(request, dict):
        raise ServiceError("SerializationException", "The body must be a JSON object.")
    if _depth(request) > _DEEPEST:
        raise ServiceError("SerializationException", f"The body is nested more than {_DEEPEST} levels deep.")
    shape = model(service).operation_model(operation).input_shape
    if shape is None:
        return
    request = _present(request)
    found = [(each.path, each.message) for each in mismatches(request, shape, "")] or _of_botocore(
        request, shape
    )
    if found:
        many = "1 validation error" if len(found) == 1 else f"{len(found)} validation errors"
        # A dot or a bracket of the path stands before each name.
        listed = "; ".join(
            f"Value at '{path.lstrip('$.') or operation}' failed to satisfy constraint: {message}"
            for path, message in found
        )
        code = "InvalidParameterException" if service == "logs" else VALIDATION
        raise ServiceError(code, f"{many} detected: {listed}")


def _present(request: Request) -> Request:
    """Without the members that are null, which are not there."""
    return {name: value for name, value in request.items() if value is not None}


def _of_botocore(request: Request, shape: Any) -> list[tuple[str, str]]:
    """What botocore finds beside that: times that are none, and what would be an expression in a definition."""
    from botocore.validate import ParamValidator

    report = ParamValidator().validate(request, shape)
    return [("", report.generate_report())] if report.has_errors() else []


def write_answer(service: str, operation: str, answer: Mapping[str, Any], *, check: bool = False) -> bytes:
    """The body of an answer; `check`: raise ValueError for one that the service could not give."""
    if check and (shape := model(service).operation_model(operation).output_shape) is not None:
        # Its minimal lengths of lists are those of requests.
        whole = {key: value for key, value in answer.items() if value != [] or key in shape.required_members}
        wrong = [
            f"{each.path}: {each.message}"
            for each in mismatches(whole, shape, "")
            if each.path not in _EMPTY and not (each.kind == "pattern" and each.message.startswith(_ANY_TEXT))
        ]
        if wrong := wrong + [said for _, said in _of_botocore(whole, shape)]:
            raise ValueError(f"{operation} cannot answer this. " + " ".join(wrong))
    return _ENCODER.encode(answer).encode()


def only_known(operation: str, fields: Mapping[str, Any]) -> Request:
    """What of `fields` SageMaker's answer to the operation has members for, without what is None."""
    members = model("sagemaker").operation_model(operation).output_shape.members
    return {name: value for name, value in fields.items() if name in members and value is not None}


def known_of(shape: str, fields: Mapping[str, Any]) -> Request:
    """What of `fields` the shape of SageMaker's has members for, without what is None."""
    members = model("sagemaker").shape_for(shape).members
    return {name: value for name, value in fields.items() if name in members and value is not None}


def moment(value: str | float | None) -> float | None:
    """Seconds since the epoch, or ISO 8601, as the protocol writes times; None stays None."""
    if isinstance(value, str):
        return datetime.datetime.fromisoformat(value).timestamp()
    return value


def seconds_of(value: Any) -> float:
    """A time in a request, in whichever form clients send it, as seconds since the epoch."""
    from botocore.utils import parse_to_aware_datetime

    return float(parse_to_aware_datetime(value).timestamp())


def _seconds(value: Any) -> Any:
    if isinstance(value, datetime.datetime):
        return value.timestamp()
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"no JSON for {value!r}")


_ENCODER = json.JSONEncoder(default=_seconds)


def read_json(text: str | bytes) -> Any:
    """What the JSON says. Raises ValueError for what is none, NaN and numbers beyond all measure among it."""
    try:
        return json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)
    except RecursionError:
        raise ValueError("it is nested too deep") from None


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError(digits)
    return number


def _depth(value: Any) -> int:
    deepest, level = 0, [value]
    while level:
        deepest += 1
        level = [
            item
            for each in level
            for item in (each.values() if isinstance(each, dict) else each if isinstance(each, list) else ())
        ]
    return deepest


__all__ = [
    "VALIDATION", "Request", "ServiceError", "known_of", "model", "moment", "not_found", "only_known",
    "operation_names", "plain", "read_json", "read_request", "seconds_of", "write_answer",
]  # fmt: skip
