"""Reads the body of a request, inflated where the client says that it is gzipped, as TensorFlow Serving does it."""

from __future__ import annotations

import zlib

from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.wrappers import Request

MAX_BODY_BYTES = 6 << 20  # what a SageMaker endpoint takes at least; an image is about 3 kB of JSON
_GZIP = 16 + zlib.MAX_WBITS


def read_body(request: Request, most_bytes: int = MAX_BODY_BYTES) -> bytes:
    """The whole body, as it was sent. Raises werkzeug's exceptions for one that is too large or cut off."""
    # Of a body in chunks, Werkzeug gives no more than this, and no error.
    request.max_content_length = most_bytes + 1
    body: bytes = request.get_data(cache=False)
    if len(body) > most_bytes:
        raise RequestEntityTooLarge
    return body


def is_gzipped(request: Request) -> bool:
    """Whether the client says so, by TensorFlow Serving's rule (its net_http, evhttp_request.cc)."""
    return "gzip" in request.headers.get("Content-Encoding", "")


def inflated(body: bytes) -> bytes:
    """What the gzip data `body` hold; nothing where they are damaged or cut off, as TensorFlow Serving takes it.

    Raises RequestEntityTooLarge for more than MAX_BODY_BYTES, of which no more than that were inflated.
    """
    content = b""
    while body:
        unpacking = zlib.decompressobj(_GZIP)
        try:
            content += unpacking.decompress(body, MAX_BODY_BYTES + 1 - len(content))
        except zlib.error:
            return b""
        if len(content) > MAX_BODY_BYTES:
            raise RequestEntityTooLarge
        if not unpacking.eof:
            return b""
        body = unpacking.unused_data  # another member, or nothing
    return content
