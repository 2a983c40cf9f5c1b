"""Faults that tests cause on purpose. Without the variable FASHION_FAULTS nothing here does anything.

It names a JSON file, for example

    {"s3": [{"request": "GET /bucket/raw/", "fault": "error", "status": 503, "skip": 1, "times": 2}],
     "clock": {"after": 0.5, "jump": -86400}}

"s3": faults of the local S3 and Model Registry, read by the server's process (moto_process.py) when it starts. Each
has `request`, a regular expression that is looked for in "METHOD /path?query"; `skip` (0), how many of the requests
that match go well first; `times` (no limit), to how many of them it then happens; and `fault`, what happens:
    "error"    the answer is `status` (503) with S3's error of that number
    "delay"    the answer comes `seconds` later
    "flip"     one bit of the answer's body is another
    "cut"      the connection ends after half of the answer's body
    "hang up"  the connection ends without an answer
    "die"      the server's process ends at once
"clock": the wall clock (clock.py) of the command jumps by `jump` seconds, `after` seconds after it was first read.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

VARIABLE = "FASHION_FAULTS"
_CODES = {500: "InternalError", 503: "SlowDown"}
StartResponse = Callable[..., object]
Application = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]


@dataclass(frozen=True)
class ServerFault:
    """One entry of "s3"; see the module."""

    request: str
    fault: str
    skip: int = 0
    times: int | None = None
    status: int = 503
    seconds: float = 0.0


@dataclass(frozen=True)
class ClockFault:
    """The entry "clock"; see the module."""

    after: float
    jump: float


@dataclass(frozen=True)
class Faults:
    """All that a test asks for."""

    server: tuple[ServerFault, ...] = ()
    clock: ClockFault | None = None


def faults_from(environ: Mapping[str, str]) -> Faults:
    """The faults that `environ` asks for: almost always none.

    Raises:
        OSError, ValueError, TypeError: the file cannot be read, or has another form.
    """
    if VARIABLE not in environ:
        return Faults()
    document = json.loads(Path(environ[VARIABLE]).read_text(encoding="utf-8"))
    return Faults(
        tuple(ServerFault(**entry) for entry in document.get("s3", ())),
        ClockFault(**document["clock"]) if "clock" in document else None,
    )


def faulty(application: Application, faults: Iterable[ServerFault]) -> Application:
    """`application` (WSGI) with the faults; itself when there are none."""
    for fault in faults:
        application = _Faulty(application, fault)
    return application


class _Faulty:
    """A WSGI application to which one fault happens. Called from several threads."""

    def __init__(self, application: Application, fault: ServerFault) -> None:
        self._application = application
        self._fault = fault
        self._matched = 0
        self._lock = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        if not self._happens(environ):
            return self._application(environ, start_response)
        fault = self._fault
        if fault.fault == "delay":
            time.sleep(fault.seconds)
            return self._application(environ, start_response)
        if fault.fault in ("flip", "cut"):
            body = b"".join(self._application(environ, start_response))
            if fault.fault == "flip":
                return [body[:-1] + bytes([body[-1] ^ 1])] if body else []
            return _then_hang_up(body[: len(body) // 2], environ)
        if fault.fault == "error":
            return _error(fault.status, start_response)
        if fault.fault == "hang up":
            return _hang_up(environ)
        assert fault.fault == "die", fault
        os.kill(os.getpid(), signal.SIGKILL)
        return []

    def _happens(self, environ: Mapping[str, Any]) -> bool:
        text = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}?{environ.get('QUERY_STRING', '')}"
        if not re.search(self._fault.request, text):
            return False
        with self._lock:
            number, self._matched = self._matched, self._matched + 1
        skip, times = self._fault.skip, self._fault.times
        return number >= skip and (times is None or number < skip + times)


def _error(status: int, start_response: StartResponse) -> list[bytes]:
    code = _CODES[status]
    body = f"<Error><Code>{code}</Code><Message>a fault that a test asked for</Message></Error>".encode()
    headers = [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))]
    start_response(f"{status} {code}", headers)
    return [body]


def _then_hang_up(body: bytes, environ: Mapping[str, Any]) -> Iterable[bytes]:
    yield body
    yield from _hang_up(environ)


def _hang_up(environ: Mapping[str, Any]) -> list[bytes]:
    connection: socket.socket = environ["werkzeug.socket"]
    connection.shutdown(socket.SHUT_RDWR)
    return []
