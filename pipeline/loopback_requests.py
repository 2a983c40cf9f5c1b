"""Whose requests a server on this machine answers: its own user's, not those of a web page that happens to be open.

A page of any site can make the browser send requests to 127.0.0.1, and a page whose domain was made to point there
(DNS rebinding) can read the answers. Browsers say where a request comes from: in `Origin` and `Sec-Fetch-Site`
(https://fetch.spec.whatwg.org/#origin-header, https://www.w3.org/TR/fetch-metadata/), and in `Host`, which is the
page's own domain when that was rebound. An address in digits cannot be rebound. Asked by `serve` and the local S3.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from pipeline.printable import printable

_LOOPBACK_NAME = "localhost"  # and all names below it: RFC 6761, section 6.3
_SHOWN = 100  # characters of a header in a message
# How containers call the machine that they run on.
_IN_CONTAINERS = ("host.docker.internal", "host.containers.internal")


def names_of(host: str) -> frozenset[str]:
    """The names, beside localhost and addresses in digits, that a server which listens at `host` is called by.

    One that listens on every interface is called by the machine's own name, too, as a rule.
    """
    address = _address(host)
    if address is None:
        return frozenset({host.lower().rstrip(".")})
    if not address.is_unspecified:
        return frozenset()
    return frozenset({socket.gethostname().lower(), *_IN_CONTAINERS})


def foreign_request(environ: Mapping[str, Any], names: frozenset[str]) -> str | None:
    """Why the request (a WSGI environment) must not be answered; None when it may be.

    `names` are those of names_of. A request without Host or Origin comes from no browser, and is answered.
    """
    host = environ.get("HTTP_HOST")
    if host is not None and not _is_ours(_split(host)[0], names):
        return (
            f"Host {_shown(host)} is not one of this server's names. Ask it at localhost or at its address in "
            "digits, or start it with that name as its host"
        )
    origin = environ.get("HTTP_ORIGIN")
    if origin is not None and (host is None or not _is_same(origin, host)):
        return f"Requests from pages of other sites are not answered (Origin {_shown(origin)})"
    site = environ.get("HTTP_SEC_FETCH_SITE", "none")
    # Following a link shows the answer to the user, and to no page.
    followed = environ.get("HTTP_SEC_FETCH_MODE") == "navigate" and environ.get("REQUEST_METHOD") == "GET"
    if site not in ("none", "same-origin") and not followed:
        return f"Requests from pages of other sites are not answered (Sec-Fetch-Site {_shown(site)})"
    return None


def _is_ours(name: str | None, names: frozenset[str]) -> bool:
    if not name:
        return False
    name = name.rstrip(".")
    return (
        name == _LOOPBACK_NAME
        or name.endswith(f".{_LOOPBACK_NAME}")
        or name in names
        or _address(name) is not None
    )


def _is_same(origin: str, host: str) -> bool:
    """Whether a page of that origin was served under that Host."""
    scheme, separator, place = origin.partition("://")
    if not separator or scheme not in ("http", "https"):
        return False
    default = 443 if scheme == "https" else 80
    (name, port), (own, own_port) = _split(place), _split(host)
    return name is not None and name == own and (port or default) == (own_port or default)


@lru_cache(maxsize=256)
def _split(place: str) -> tuple[str | None, int | None]:
    """The name (in small letters) and the port of "name:port"; no name where it is no such text."""
    try:
        parts = urlsplit(f"//{place}")
        if parts.netloc != place or parts.username is not None:
            return None, None
        return parts.hostname, parts.port
    except ValueError:
        return None, None


@lru_cache(maxsize=256)
def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None


def _shown(text: str) -> str:
    return printable(text[:_SHOWN])
