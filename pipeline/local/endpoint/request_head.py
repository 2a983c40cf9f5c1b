"""The head of an HTTP request, read strictly and in a fraction of the time that http.server takes for it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, BinaryIO
from urllib.parse import unquote_to_bytes

from werkzeug.serving import DechunkedInput

from pipeline.local.state.guarded import HEADERS, TARGET

_LONGEST_LINE, _MOST_HEADERS = 1 << 16, 100
_REQUEST = re.compile(rb"([A-Z]{1,32}) ([\x21-\x7e\x80-\xff]+) HTTP/1\.([0-9])\r?\n")
# RFC 9112: no space before the colon, no line that goes on with the one before it, no control characters.
_HEADER = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*)\r?\n")
_END = (b"\r\n", b"\n")


class BadRequest(Exception):
    """What came is no request of HTTP/1.1; `status` is the answer's number and its words."""

    def __init__(self, status: str, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Head:
    """Of one request. `environ` is what WSGI makes of it, with what Guarded needs, and without the body.

    `stays`: the connection may serve another, which a client of HTTP/1.0 `must_be_told`; `waits`: the client waits
    to be told to send its body.
    """

    method: str
    environ: dict[str, Any]
    stays: bool
    must_be_told: bool
    waits: bool

    @property
    def is_chunked(self) -> bool:
        """Whether the body comes in chunks."""
        return "wsgi.input_terminated" in self.environ

    @property
    def has_body(self) -> bool:
        """Whether a body comes after it."""
        return self.is_chunked or self.environ.get("CONTENT_LENGTH", "0") != "0"


def read_head(stream: BinaryIO) -> Head | None:
    """Read a head; None: the client has ended the connection instead.

    Raises:
        BadRequest: it is malformed, or too long.
    """
    line = stream.readline(_LONGEST_LINE + 1)
    if line in _END:  # Some clients send one after a body.
        line = stream.readline(_LONGEST_LINE + 1)
    if not line:
        return None
    request = _REQUEST.fullmatch(line)
    if len(line) > _LONGEST_LINE:
        raise BadRequest("414 URI Too Long", f"The request line has more than {_LONGEST_LINE} bytes.")
    if request is None:
        raise BadRequest("400 Bad Request", "The request line is not METHOD TARGET HTTP/1.1.")
    method, target = request[1].decode(), request[2].decode("latin-1")
    headers: list[tuple[str, str]] = []
    while (line := stream.readline(_LONGEST_LINE + 1)) not in _END:
        if len(line) > _LONGEST_LINE or len(headers) == _MOST_HEADERS:
            raise BadRequest(
                "431 Request Header Fields Too Large",
                f"A request may have {_MOST_HEADERS} headers of {_LONGEST_LINE} bytes.",
            )
        header = _HEADER.fullmatch(line)
        if header is None:
            raise BadRequest("400 Bad Request", "A header is not NAME: VALUE in one line, or was cut off.")
        headers.append((header[1].decode(), header[2].decode("latin-1")))
    environ = _environ(method, target, headers)
    said = str(environ.get("HTTP_CONNECTION", "")).lower()
    is_old = request[3] == b"0"
    stays = "close" not in said and (not is_old or "keep-alive" in said)
    waits = str(environ.get("HTTP_EXPECT", "")).strip().lower() == "100-continue"
    return Head(method, environ, stays, is_old, waits)


def _environ(method: str, target: str, headers: list[tuple[str, str]]) -> dict[str, Any]:
    path, _, query = target.partition("?")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "PATH_INFO": unquote_to_bytes(path.encode("latin-1")).decode("latin-1") if "%" in path else path,
        "QUERY_STRING": query,
        TARGET: target,
        HEADERS: headers,
    }
    for name, value in headers:
        key = name.upper().replace("-", "_")
        # A name with an underscore would pass for another with a dash.
        if "_" in name:
            continue
        if key not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            key = f"HTTP_{key}"
            value = f"{environ[key]},{value}" if key in environ else value
        elif key in environ:
            raise BadRequest("400 Bad Request", f"The header {name} must be given once.")
        environ[key] = value
    if (coding := environ.get("HTTP_TRANSFER_ENCODING")) is not None:
        if str(coding).strip().lower() != "chunked":
            raise BadRequest("501 Not Implemented", "The only transfer encoding accepted is chunked.")
        environ["wsgi.input_terminated"] = True
    return environ


def body_of(head: Head, stream: BinaryIO) -> BinaryIO:
    """What the body is read from."""
    return DechunkedInput(stream) if head.is_chunked else stream
