"""Passes requests on to the moto server of this state folder, which checks their signatures itself, and back."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import urlsplit

from pipeline.local.endpoint.connection import BODY_READ
from pipeline.local.endpoint.wire import ServiceError

StartResponse = Callable[..., Any]
# Of one connection only. The Host stays as it was asked, for it is part of what is signed.
_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "expect", "server", "date"}
_PIECE = 1 << 20
_WAIT_SECONDS = 600.0


class Passing:
    """Called from several threads; each keeps a connection open."""

    def __init__(self, url: Callable[[], str]) -> None:
        """`url` is called when a request is to be passed on, and waits until the server is there."""
        self._url = url
        self._mine = threading.local()

    def __call__(
        self,
        environ: dict[str, Any],
        start_response: StartResponse,
        target: str,
        headers: Iterable[tuple[str, str]],
    ) -> Iterable[bytes]:
        """Pass on the request of a WSGI environment; `target` and `headers` are as they were sent.

        Raises:
            ServiceError: it cannot be passed on as it is.
            OSError, HTTPException, FashionError: moto does not answer.
        """
        kept = [(name, value) for name, value in headers if name.lower() not in _HOP]
        length = environ.get("CONTENT_LENGTH") or "0"
        chunked = bool(environ.get("wsgi.input_terminated")) and not environ.get("CONTENT_LENGTH")
        if not (length.isascii() and length.isdecimal() and len(length) < 20):
            raise ServiceError("InvalidRequest", "Content-Length must be a number. Correct it.")
        kept.append(("Transfer-Encoding", "chunked") if chunked else ("Content-Length", length))
        connection = self._connection()
        try:
            answer = self._ask(connection, environ, target, kept, None if chunked else int(length))
        except (OSError, http.client.HTTPException, ServiceError):
            connection.close()
            raise
        given = [(name, value) for name, value in answer.getheaders() if name.lower() not in _HOP]
        size = answer.getheader("Content-Length")
        if size is not None:
            given.append(("Content-Length", size))
        start_response(f"{answer.status} {answer.reason}", given)
        if environ["REQUEST_METHOD"] == "HEAD":
            answer.read()
            return []
        return _pieces(answer)

    def _connection(self) -> http.client.HTTPConnection:
        place = urlsplit(self._url()).netloc
        known: http.client.HTTPConnection | None = getattr(self._mine, "connection", None)
        if known is None or f"{known.host}:{known.port}" != place:
            known = self._mine.connection = http.client.HTTPConnection(place, timeout=_WAIT_SECONDS)
        return known

    @staticmethod
    def _ask(
        connection: http.client.HTTPConnection,
        environ: dict[str, Any],
        target: str,
        headers: list[tuple[str, str]],
        length: int | None,
    ) -> http.client.HTTPResponse:
        connection.putrequest(environ["REQUEST_METHOD"], target, skip_host=True, skip_accept_encoding=True)
        for name, value in headers:
            connection.putheader(name, value.encode("latin-1"))
        connection.endheaders()
        try:
            _send_body(connection, environ["wsgi.input"], length)
        except (BrokenPipeError, ConnectionResetError):
            # It has refused the request by its headers alone: what it said may still be there.
            return connection.getresponse()
        environ[BODY_READ] = True
        return connection.getresponse()


def _send_body(connection: http.client.HTTPConnection, stream: Any, length: int | None) -> None:
    """Send on what the stream has: `length` bytes, or all of it, in chunks."""
    if length is None:
        while piece := stream.read(_PIECE):
            connection.send(b"%x\r\n%b\r\n" % (len(piece), piece))
        connection.send(b"0\r\n\r\n")
    else:
        while length > 0:
            piece = stream.read(min(length, _PIECE))
            if not piece:
                # The rest never came: the server must not take what did for all there is.
                raise ServiceError(
                    "IncompleteBody", f"The body broke off {length} bytes before its end. Send it again."
                )
            connection.send(piece)
            length -= len(piece)


def _pieces(answer: http.client.HTTPResponse) -> Iterator[bytes]:
    with answer:
        while piece := answer.read(_PIECE):
            yield piece
