"""InvokeEndpoint: passes a payload on to the process that serves an endpoint, and its answer back."""

from __future__ import annotations

import http.client
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from pipeline.local.endpoint.endpoints import Endpoints
from pipeline.local.endpoint.model_server import ANSWER_SECONDS, Answer
from pipeline.local.endpoint.wire import ServiceError, model
from pipeline.local.state.isolation import ACCOUNT

PATH = re.compile(r"/endpoints/([^/]+)/invocations")
# The code for a request that is wrong: of this service another than SageMaker's own.
_INVALID = "ValidationError"
_PREFIX = "HTTP_X_AMZN_SAGEMAKER_"
_ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"
# Members of the request that mean something only where there are several models, or explanations.
_NOT_DONE = {
    "TARGET_MODEL": "TargetModel", "TARGET_CONTAINER_HOSTNAME": "TargetContainerHostname",
    "INFERENCE_COMPONENT": "InferenceComponentName", "ENABLE_EXPLANATIONS": "EnableExplanations",
    "SESSION_ID": "SessionId",
}  # fmt: skip


class ModelError(ServiceError):
    """The model's own error, as the runtime tells it."""

    def __init__(self, endpoint: str, status: int, original: str) -> None:
        side = "client" if 400 <= status < 500 else "server"
        group = f"/aws/sagemaker/Endpoints/{endpoint}"
        super().__init__(
            "ModelError",
            f'Received {side} error ({status}) from primary with message "{original}". See the log group {group} '
            f"in account {ACCOUNT}.",
            OriginalStatusCode=status,
            OriginalMessage=original,
        )


def invoke(
    endpoints: Endpoints, path: str, environ: Mapping[str, Any], body: bytes
) -> tuple[bytes, list[tuple[str, str]]]:
    """The content and the headers of the answer to InvokeEndpoint, asked at `path`, which PATH matches.

    Raises:
        ServiceError: the request is wrong, the endpoint is not in service, or the model answered with an error.
    """
    found = PATH.fullmatch(path)
    assert found is not None
    name = unquote(found[1])
    asked = sorted(word for key, word in _NOT_DONE.items() if f"{_PREFIX}{key}" in environ)
    if asked:
        raise ServiceError(
            _INVALID, f"The local SageMaker serves one model an endpoint: {', '.join(asked)} is not answered."
        )
    most = int(model("sagemaker-runtime").shape_for("BodyBlob").metadata["max"])
    if len(body) > most:
        raise ServiceError(
            _INVALID,
            f"1 validation error detected: Value at 'body' failed to satisfy constraint: Member must have length "
            f"less than or equal to {most}",
        )
    server = endpoints.serving(name)
    if server is None:
        raise ServiceError(_INVALID, f"Endpoint {name} of account {ACCOUNT} not found.")
    (variant,) = endpoints.find(name)["ProductionVariants"]
    wanted = environ.get(f"{_PREFIX}TARGET_VARIANT", variant["VariantName"])
    if wanted != variant["VariantName"]:
        raise ServiceError(_INVALID, f"Variant {wanted} of endpoint {name} of account {ACCOUNT} not found.")
    sent = {
        "Content-Type": environ.get("CONTENT_TYPE"),
        "Accept": environ.get("HTTP_ACCEPT"),
        _ATTRIBUTES: environ.get(f"{_PREFIX}CUSTOM_ATTRIBUTES"),
    }
    try:
        answer = server.ask(body, {key: value for key, value in sent.items() if value})
    except TimeoutError:
        raise ModelError(name, 0, f"The model did not answer within {ANSWER_SECONDS:g} s.") from None
    except (OSError, http.client.HTTPException) as error:
        raise ModelError(name, 0, f"The model's server gave no answer: {error!r}") from None
    if not 200 <= answer.status < 300:
        raise ModelError(name, answer.status, answer.content.decode(errors="replace"))
    return answer.content, _headers(answer, str(variant["VariantName"]))


def _headers(answer: Answer, variant: str) -> list[tuple[str, str]]:
    headers = [
        ("Content-Type", answer.headers.get("Content-Type") or "application/octet-stream"),
        ("x-Amzn-Invoked-Production-Variant", variant),
    ]
    if _ATTRIBUTES in answer.headers:
        headers.append((_ATTRIBUTES, answer.headers[_ATTRIBUTES]))
    return headers
