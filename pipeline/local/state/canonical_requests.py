"""The canonical form of an HTTP request in AWS Signature Version 4: what its signature is made of.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html, and for S3
https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html. Made from the request as it came over
the wire: what a server has decoded or joined cannot be put back. Pure functions.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote_from_bytes, unquote_to_bytes

# Their keys may hold "//" and "..": a path is signed as it is sent.
_PATH_AS_SENT = ("s3", "s3-outposts", "s3-object-lambda", "s3express")


@dataclass(frozen=True)
class RawRequest:
    """A request before anything was decoded. Texts hold one character a byte (ISO 8859-1), as http.server has them.

    `target` is the request line's second word; `headers` are name and value, in order, with repetitions.
    """

    method: str
    target: str
    headers: Sequence[tuple[str, str]]

    @property
    def path(self) -> str:
        """The part of the target before its first question mark."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> list[tuple[bytes, bytes]]:
        """The parameters of the target, decoded, in order. A plus sign stays one."""
        text = self.target.partition("?")[2]
        if not text:
            return []
        pairs = (part.partition("=") for part in text.split("&"))
        return [(_decoded(name), _decoded(value)) for name, _, value in pairs]

    def values(self) -> dict[str, list[str]]:
        """The values of each header, by its name in small letters."""
        found: dict[str, list[str]] = {}
        for name, value in self.headers:
            found.setdefault(name.lower(), []).append(value)
        return found


def canonical_request(
    request: RawRequest,
    values: Mapping[str, Sequence[str]],
    *,
    service: str,
    signed: Sequence[str],
    payload: str,
    without: Collection[bytes] = (),
) -> bytes:
    """The canonical form.

    Args:
        values: the request's headers (RawRequest.values).
        service: the name in the credential's scope.
        signed: the names of the headers that are signed, in small letters, each of which the request has.
        payload: the hash of the body, or the word that stands for it.
        without: query parameters that are no part of it.
    """
    lines = [
        request.method.encode("latin-1"),
        _canonical_path(request.path, service),
        canonical_query(request.query, without),
        *(name.encode("latin-1") + b":" + _canonical_values(values[name]) for name in sorted(signed)),
        b"",
        ";".join(signed).encode("latin-1"),
        payload.encode("latin-1"),
    ]
    return b"\n".join(lines)


def string_to_sign(timestamp: str, scope: str, canonical: bytes) -> bytes:
    """What the signing key signs; `scope` is date/region/service/aws4_request."""
    digest = hashlib.sha256(canonical).hexdigest()
    return f"AWS4-HMAC-SHA256\n{timestamp}\n{scope}\n{digest}".encode("latin-1")


def canonical_query(query: Sequence[tuple[bytes, bytes]], without: Collection[bytes] = ()) -> bytes:
    """The parameters encoded by one rule, and sorted."""
    encoded = [(_encoded(name), _encoded(value)) for name, value in query if name not in without]
    return "&".join(f"{name}={value}" for name, value in sorted(encoded)).encode("ascii")


def _canonical_path(path: str, service: str) -> bytes:
    if service in _PATH_AS_SENT:
        return path.encode("latin-1")
    return quote_from_bytes(_without_dots(path).encode("latin-1"), safe="/~").encode("ascii")


def _without_dots(path: str) -> str:
    """The path without empty, "." and ".." segments."""
    kept: list[str] = []
    segments = path.split("/")
    for segment in segments:
        if segment == "..":
            if kept:
                kept.pop()
        elif segment not in ("", "."):
            kept.append(segment)
    joined = "/".join(kept)
    first = "/" if path.startswith("/") else ""
    last = "/" if path.endswith("/") and joined else ""
    return first + joined + last or "/"


def _canonical_values(values: Sequence[str]) -> bytes:
    """The values of one header: joined by commas, each without outer spaces and with single inner ones."""
    return b",".join(_single_spaced(value.encode("latin-1")) for value in values)


def _single_spaced(value: bytes) -> bytes:
    # As botocore does it, which counts what Unicode calls a space among them.
    text = value.decode("utf-8", errors="surrogateescape")
    return " ".join(text.split()).encode("utf-8", errors="surrogateescape")


def _decoded(text: str) -> bytes:
    return unquote_to_bytes(text.encode("latin-1"))


def _encoded(value: bytes) -> str:
    return quote_from_bytes(value, safe="-_.~")
