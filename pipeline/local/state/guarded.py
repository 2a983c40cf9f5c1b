"""Stands before a local AWS server: answers its own run's signed requests, and nobody else's.

Other users of the machine can find the port, and so can pages in the user's browser. So each request must be
signed with this run's key (signatures.py), none may come from a page (pipeline/loopback_requests.py), and what a
server has beside AWS's services (moto's own pages, which empty it at a word) is not there.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from typing import Any

from werkzeug.serving import WSGIRequestHandler

from pipeline.local.state.aws_errors import Answer, denied, refusal
from pipeline.local.state.canonical_requests import RawRequest
from pipeline.local.state.signature_claims import Fault, SignatureRefused
from pipeline.local.state.signatures import Verifier
from pipeline.loopback_requests import foreign_request

StartResponse = Callable[..., Any]
Application = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]
# Where the environment has the request line's target and the headers, as they were sent.
TARGET, HEADERS = "pipeline.target", "pipeline.headers"
# Paths that begin so lead to moto's own pages, whatever the request is signed for.
_NOT_AWS = ("/moto-api", "/favicon.ico", "/latest/meta-data/", "/latest/api/")
_CORS = "access-control-"


class RawRequests(WSGIRequestHandler):  # type: ignore[misc]
    """Hands the application what Guarded checks: request line and headers before anything is decoded or joined."""

    def make_environ(self) -> dict[str, Any]:
        """The WSGI environment, with both added."""
        environ: dict[str, Any] = super().make_environ()
        environ[TARGET] = self.requestline.split()[1]
        environ[HEADERS] = self.headers.items()
        return environ


class Guarded:
    """A WSGI application around another. Called from several threads; needs the handler RawRequests."""

    def __init__(self, application: Application, verifier: Verifier, names: frozenset[str]) -> None:
        """`names`: what the server is called (see loopback_requests.names_of)."""
        self._application = application
        self._verifier = verifier
        self._names = names

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        answer = self._refusal(environ)
        if answer is not None:
            start_response(answer.status, answer.headers)
            return [answer.body]

        def without_cors(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            kept = [(name, value) for name, value in headers if not name.lower().startswith(_CORS)]
            return start_response(status, kept, *more)

        return self._application(environ, without_cors)

    def _refusal(self, environ: dict[str, Any]) -> Answer | None:
        """What to answer instead of the application; None for a genuine request, whose body is read then."""
        answer = self._refusal_of_head(environ)
        if answer is not None:
            return answer
        body = _Body(environ)
        try:
            if not body.is_measured:
                raise SignatureRefused(Fault.MALFORMED, "Content-Length must be a number, once. Correct it.")
            request = RawRequest(environ["REQUEST_METHOD"], environ[TARGET], environ[HEADERS])
            self._verifier.check(request, body.read)
            body.read()
        except SignatureRefused as refused:
            return refusal(environ, refused.fault, str(refused))
        return None

    def _refusal_of_head(self, environ: dict[str, Any]) -> Answer | None:
        """What to answer to a request of which page and path say that it is not to be answered; else None."""
        foreign = foreign_request(environ, self._names)
        if foreign is None and "HTTP_ORIGIN" in environ:
            foreign = "Requests from pages in a browser are not answered"
        if foreign is not None:
            return denied("403 Forbidden", f"{foreign}. Ask from a program, such as boto3.")
        target = environ[TARGET]
        if not target.startswith("/"):
            return denied(
                "400 Bad Request", "The request line must name a path. Send no proxy's requests here."
            )
        if environ["PATH_INFO"].startswith(_NOT_AWS):
            return denied(
                "403 Forbidden", "This path is no AWS service's, and is closed. Ask S3 or SageMaker."
            )
        return None

    def refusal_of_stranger(self, environ: dict[str, Any]) -> Answer | None:
        """The same of a request that is not signed now and with this key; the signature itself is not compared."""
        request = RawRequest(environ["REQUEST_METHOD"], environ[TARGET], environ[HEADERS])
        answer = self._refusal_of_head(environ)
        if answer is not None:
            return answer
        try:
            self._verifier.check_head(request, request.values())
        except SignatureRefused as refused:
            return refusal(environ, refused.fault, str(refused))
        return None


class _Body:
    """A request's body, which can be read once: kept in memory, where the application finds it again."""

    def __init__(self, environ: dict[str, Any]) -> None:
        self._environ = environ
        self._content: bytes | None = None

    @property
    def is_measured(self) -> bool:
        """Whether it can be told where the body ends."""
        length = self._environ.get("CONTENT_LENGTH") or "0"
        return bool(length.isascii() and length.isdecimal())

    def read(self) -> bytes:
        """The whole body. Raises SignatureRefused when it broke off."""
        if self._content is None:
            stream = self._environ["wsgi.input"]
            length = int(self._environ.get("CONTENT_LENGTH") or 0)
            # Sent in chunks, it ends by itself, whatever its length is said to be.
            in_chunks = self._environ.get("wsgi.input_terminated")
            content: bytes = stream.read() if in_chunks else stream.read(length)
            if in_chunks:
                self._environ["CONTENT_LENGTH"] = str(len(content))
            elif len(content) < length:
                raise SignatureRefused(
                    Fault.PAYLOAD,
                    f"The body broke off after {len(content)} of {length} bytes. Send it again.",
                )
            self._content = content
            self._environ["wsgi.input"] = io.BytesIO(content)
            # Lets Flask take the whole body as it is, instead of joining small copies of it.
            self._environ["wsgi.input_terminated"] = True
        return self._content
