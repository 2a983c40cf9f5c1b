"""Refusals in the form and by the codes of the AWS service that was asked, as its clients read them.

S3: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html; the others:
https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

from pipeline.local.state.signature_claims import Fault

_FORM = "application/x-www-form-urlencoded"
# For S3, for services that take forms and answer in XML (STS, IAM), and for those of JSON (SageMaker).
_CODES = {
    Fault.MISSING: (
        "403 AccessDenied", "403 MissingAuthenticationToken", "403 MissingAuthenticationTokenException",
    ),
    Fault.MALFORMED: (
        "400 AuthorizationHeaderMalformed", "400 IncompleteSignature", "400 IncompleteSignatureException",
    ),
    Fault.UNSUPPORTED: ("400 InvalidRequest", "400 IncompleteSignature", "400 IncompleteSignatureException"),
    Fault.UNKNOWN_KEY: ("403 InvalidAccessKeyId", "403 InvalidClientTokenId", "403 UnrecognizedClientException"),
    Fault.SKEWED: ("403 RequestTimeTooSkewed", "403 SignatureDoesNotMatch", "403 InvalidSignatureException"),
    Fault.EXPIRED: ("403 AccessDenied", "403 RequestExpired", "403 RequestExpired"),
    Fault.MISMATCH: ("403 SignatureDoesNotMatch", "403 SignatureDoesNotMatch", "403 InvalidSignatureException"),
    Fault.PAYLOAD: (
        "400 XAmzContentSHA256Mismatch", "403 SignatureDoesNotMatch", "403 InvalidSignatureException",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Answer:
    """An HTTP answer: status line, headers, body."""

    status: str
    headers: list[tuple[str, str]]
    body: bytes


def refusal(environ: Mapping[str, Any], fault: Fault, message: str) -> Answer:
    """The answer to the request of the WSGI `environ`, in the form of the service that it seems to be for."""
    s3, form, document = _CODES[fault]
    if environ.get("CONTENT_TYPE", "").startswith(_FORM):
        status, _, code = form.partition(" ")
        return _xml(
            status, f"<ErrorResponse><Error><Type>Sender</Type>{_code(code, message)}</Error></ErrorResponse>"
        )
    if _is_s3(environ):
        status, _, code = s3.partition(" ")
        return _xml(status, f"<Error>{_code(code, message)}</Error>")
    status, _, code = document.partition(" ")
    body = json.dumps({"__type": code, "message": message}).encode()
    kind = [("Content-Type", "application/x-amz-json-1.1"), ("x-amzn-ErrorType", code)]
    return _answer(status, kind, body)


def denied(status: str, message: str) -> Answer:
    """The answer to a request that no AWS service is asked for; `status` is a number and its words."""
    return _xml(status, f"<Error>{_code('AccessDenied', message)}</Error>")


def _is_s3(environ: Mapping[str, Any]) -> bool:
    """Whether S3 is asked, by the credential's scope; of a request without one, by what only others have."""
    words: list[str] = (
        environ.get("HTTP_AUTHORIZATION", "").partition("Credential=")[2].partition(",")[0].split("/")
    )
    if len(words) == 5:
        return words[3].startswith("s3")
    return "HTTP_X_AMZ_TARGET" not in environ


def _code(code: str, message: str) -> str:
    return f"<Code>{code}</Code><Message>{escape(message)}</Message>"


def _xml(status: str, text: str) -> Answer:
    return _answer(status, [("Content-Type", "application/xml")], text.encode())


def _answer(status: str, kind: list[tuple[str, str]], body: bytes) -> Answer:
    words = {"400": "Bad Request", "403": "Forbidden"}
    line = f"{status} {words[status]}" if status in words else status
    return Answer(line, [*kind, ("Content-Length", str(len(body)))], body)
