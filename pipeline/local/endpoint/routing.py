"""Decides, of each HTTP request, which service it is for, and who answers: this server, moto, or nobody.

A request for S3 is moto's, which checks its signature itself while the body streams. All others are checked here
first (state/guarded.py) and are answered by the operation's name; what has no answer here is passed on to nobody.
"""

from __future__ import annotations

import http.client
import io
import json
import re
import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import parse_qs

from pipeline.errors import FashionError
from pipeline.local.endpoint.connection import BODY_READ, MAKE_WAY, MakeWay
from pipeline.local.endpoint.identity import Form, form_answer, form_error, read_form
from pipeline.local.endpoint.invoking import PATH
from pipeline.local.endpoint.operations import quoted
from pipeline.local.endpoint.passing import Passing
from pipeline.local.endpoint.switches import Switches
from pipeline.local.endpoint.wire import ServiceError
from pipeline.local.state.guarded import HEADERS, TARGET, Guarded
from pipeline.local.state.signatures import Verifier

StartResponse = Callable[..., Any]
Environ = dict[str, Any]
Headers = list[tuple[str, str]]
# By the path, the environment and the body: the content of the answer, and its headers.
Invoke = Callable[[str, Environ, bytes], tuple[bytes, Headers]]
_FORM = "application/x-www-form-urlencoded"
# Services that are there for events to go to.
_MOTOS = ("sqs", "sns")
# What a request but S3's may have: a definition of a pipeline is at most 1 MB.
_LONGEST_BODY = 16 << 20
_SCOPE = re.compile(r"Credential=[^/,\s]+/[^/,\s]+/[^/,\s]+/([a-z0-9-]+)/aws4_request")


class Router:
    """The WSGI application of the server. Called from several threads; needs the handler RawRequests."""

    def __init__(
        self,
        verifier: Verifier,
        names: frozenset[str],
        answers: Callable[[str, bytes, MakeWay], bytes],
        forms: Mapping[tuple[str, str], Callable[[Form], str]],
        passing: Passing,
        switches: Switches,
        is_motos: Callable[[str], bool] = lambda name: False,
        invoke: Invoke | None = None,
    ) -> None:
        """`answers` gives the body of an answer by target and body, and makes way before it waits (operations.py);
        `forms` are the operations of services that take forms; `passing` leads to moto, and `is_motos` says which
        operations are answered there. `invoke` answers InvokeEndpoint (invoking.py).
        """
        self._guarded = Guarded(self._answer, verifier, names)
        self._answers = answers
        self._forms = forms
        self._passing = passing
        self._switches = switches
        self._is_motos = is_motos
        self._invoke = invoke

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        try:
            if self._is_for_s3(environ):
                # What a stranger asks starts no moto, and waits for none.
                refused = self._guarded.refusal_of_stranger(environ)
                if refused is not None:
                    start_response(refused.status, refused.headers)
                    return [refused.body]
                environ[MAKE_WAY]()
                return self._s3(environ, start_response)
            if _length(environ) > _LONGEST_BODY or environ.get("wsgi.input_terminated"):
                raise ServiceError(
                    "RequestEntityTooLarge",
                    f"A request but S3's may have {_LONGEST_BODY} bytes, with a Content-Length. Put it into S3.",
                )
        except ServiceError as error:
            # What is left of the body is not read: the connection ends.
            return send(start_response, error.status, error_body(environ, error), close=True)
        return self._guarded(environ, start_response)

    def _s3(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        try:
            self._switches.apply(f"{environ['REQUEST_METHOD']} {environ[TARGET]}")
        except ServiceError as error:
            return send(start_response, error.status, error_body(environ, error), close=True)
        return self._pass(environ, start_response)

    def _pass(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        try:
            return self._passing(environ, start_response, environ[TARGET], environ[HEADERS])
        except (OSError, http.client.HTTPException, FashionError, ServiceError) as error:
            failure = (
                error
                if isinstance(error, ServiceError)
                else ServiceError(
                    "ServiceUnavailable", f"The local S3 does not answer: {error!r}. Ask again."
                )
            )
            return send(start_response, failure.status, error_body(environ, failure), close=True)

    def _answer(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a genuine request, whose body has been read."""
        environ[BODY_READ] = True
        try:
            body = environ["wsgi.input"].read()
            target = environ.get("HTTP_X_AMZ_TARGET")
            name = _name(environ, target, body)
            if target is None:
                environ[MAKE_WAY]()
            if name and (signed_service(environ) in _MOTOS or self._is_motos(name)):
                environ[MAKE_WAY]()
                self._switches.apply(name)
                environ["wsgi.input"] = io.BytesIO(body)
                return self._pass(environ, start_response)
            if target is not None:
                content, kind = self._answers(target, body, environ[MAKE_WAY]), "application/x-amz-json-1.1"
            elif environ.get("CONTENT_TYPE", "").startswith(_FORM):
                content, kind = self._form(signed_service(environ) or "", read_form(body)), "text/xml"
            elif self._is_invocation(environ):
                assert self._invoke is not None
                self._switches.apply(name)
                content, headers = self._invoke(environ["PATH_INFO"], environ, body)
                return send(start_response, 200, (content, ""), headers=headers)
            else:
                self._switches.apply(name)
                service = quoted(signed_service(environ) or "what this is signed for")
                raise ServiceError(
                    "UnknownOperationException",
                    f"{quoted(name)} of {service} is not answered by the local SageMaker. What it answers is in "
                    "docs/local-sagemaker.md.",
                )
        except ServiceError as error:
            return send(start_response, error.status, error_body(environ, error), code=error.code)
        return send(start_response, 200, (content, kind))

    def _is_invocation(self, environ: Environ) -> bool:
        return (
            self._invoke is not None
            and environ["REQUEST_METHOD"] == "POST"
            and signed_service(environ) == "sagemaker"
            and PATH.fullmatch(environ["PATH_INFO"]) is not None
        )

    def _form(self, service: str, form: Form) -> bytes:
        name = form.get("Action", "")
        instead = self._switches.apply(name)
        operation = self._forms.get((service, name))
        if operation is None:
            raise ServiceError(
                "InvalidAction",
                f"The local SageMaker does not answer {quoted(name or 'a form without an Action')} of "
                f"{quoted(service)}. What it answers is in docs/local-sagemaker.md.",
            )
        result = operation(form) if instead is None else str(instead["xml"])
        return (
            result.encode() if result.startswith(f"<{name}Response") else form_answer(service, name, result)
        )

    @staticmethod
    def _is_for_s3(environ: Environ) -> bool:
        """Whether it is S3's, as far as it says itself; moto believes only what is signed so."""
        if "HTTP_X_AMZ_TARGET" in environ or environ.get("CONTENT_TYPE", "").startswith(_FORM):
            return False
        service = signed_service(environ)
        # What is not signed at all, or in the old form, is refused in S3's words as a rule.
        return service in (None, "s3")


def _name(environ: Environ, target: str | None, body: bytes) -> str:
    """The operation that is asked for; of a service without targets and forms, method and path."""
    if target is not None:
        return target.rpartition(".")[2]
    if environ.get("CONTENT_TYPE", "").startswith(_FORM):
        return read_form(body).get("Action", "")
    return f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}"


def signed_service(environ: Environ) -> str | None:
    """The service in the scope of the signature; not checked yet where S3 is asked."""
    found = _SCOPE.search(environ.get("HTTP_AUTHORIZATION", ""))
    if found is not None:
        return found[1]
    credential = parse_qs(environ.get("QUERY_STRING", "")).get("X-Amz-Credential", [""])[0].split("/")
    return credential[3] if len(credential) == 5 else None


def _length(environ: Environ) -> int:
    length = environ.get("CONTENT_LENGTH") or "0"
    # What is no number is Guarded's to refuse.
    return int(length) if length.isascii() and length.isdecimal() and len(length) < 20 else 0


def error_body(environ: Environ, error: ServiceError) -> tuple[bytes, str]:
    """An error in the form of the service that was asked, and the type of that."""
    if environ.get("CONTENT_TYPE", "").startswith(_FORM):
        return form_error(error), "text/xml"
    if Router._is_for_s3(environ):
        from xml.sax.saxutils import escape

        text = f"<Error><Code>{escape(error.code)}</Code><Message>{escape(str(error))}</Message></Error>"
        return text.encode(), "application/xml"
    body = {"__type": error.code, "message": str(error), **error.members}
    return json.dumps(body).encode(), "application/x-amz-json-1.1"


_WORDS = {
    200: "OK",
    400: "Bad Request",
    403: "Forbidden",
    413: "Content Too Large",
    424: "Failed Dependency",
    500: "Internal Server Error",
}


def send(
    start_response: StartResponse,
    status: int,
    body: tuple[bytes, str],
    *,
    code: str | None = None,
    close: bool = False,
    headers: Headers | None = None,
) -> list[bytes]:
    """Answer with `body`, a content and its type."""
    content, kind = body
    headers = [
        *(headers or [("Content-Type", kind)]),
        ("Content-Length", str(len(content))),
        ("x-amzn-RequestId", str(uuid.uuid4())),
        *([("x-amzn-ErrorType", code)] if code else []),
        *([("Connection", "close")] if close else []),
    ]
    start_response(f"{status} {_WORDS.get(status, 'Service Unavailable')}", headers)
    return [content]
