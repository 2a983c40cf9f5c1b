"""One client's connection to the local SageMaker: its requests, one after another, and the application's answers.

A thread that looks after all connections answers what is at hand, and makes way before it waits (server.py).
"""

from __future__ import annotations

import contextlib
import io
import socket
import struct
import time
from collections.abc import Callable, Iterable
from email.utils import formatdate
from functools import lru_cache
from typing import Any

from pipeline.local.endpoint.request_head import BadRequest, Head, body_of, read_head
from pipeline.local.state.aws_errors import denied
from pipeline.local.state.guarded import Application

# A connection on which nothing comes for so long is closed; clients open another.
IDLE_SECONDS = 120
# What of a refused body is still read, so that its sender comes to read the answer.
_DRAINED_BYTES, _DRAIN_SECONDS = 1 << 30, 10.0
_PIECE = 1 << 16
# The client is gone, or does nothing for too long.
_BROKEN_OFF = (ConnectionError, TimeoutError, BlockingIOError)
_EMPTY = [("Content-Length", "0"), ("Connection", "close")]
# An application sets this in the environment when it has read the whole body: only then can the connection stay.
BODY_READ = "pipeline.body_read"
# Where the environment has what an application calls before it may wait for something.
MAKE_WAY = "pipeline.make_way"
MakeWay = Callable[[], None]


class _Incoming(io.RawIOBase):
    """What comes from a client; a TimeoutError when nothing does for long."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.received = 0

    def tell(self) -> int:
        """How many bytes have come, for the buffered reader's own `tell`."""
        return self.received

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: Any) -> int:
        """As of every raw stream."""
        try:
            size = self._connection.plug.recv_into(buffer, 0, socket.MSG_DONTWAIT)
        except BlockingIOError:
            size = self._wait_for(buffer)
        self.received += size
        return size

    def _wait_for(self, buffer: Any) -> int:
        self._connection.make_way()
        try:
            return self._connection.plug.recv_into(buffer)
        except BlockingIOError:
            raise TimeoutError("the client sends nothing") from None


class _Continuing:
    """A body whose sender waits to be told to go on: he is when somebody reads."""

    def __init__(self, stream: Any, connection: Connection) -> None:
        self._stream, self._connection, self._told = stream, connection, False

    def read(self, size: int = -1) -> bytes:
        """As the stream's."""
        if not self._told:
            self._told = True
            self._connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        content: bytes = self._stream.read(size)
        return content


class Connection:
    """Drives the application. Not as werkzeug does, which closes the connection after each answer.

    `plug` is its socket, `since` the moment (time.monotonic) at which it was last heard.
    """

    def __init__(self, plug: socket.socket, application: Application) -> None:
        self.plug = plug
        self.since = time.monotonic()
        self.make_way: MakeWay = lambda: None
        self._application = application
        self._begun = False
        plug.setblocking(True)  # Not as the socket that listens, whose way some systems pass on.
        plug.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # By the kernel: with a time-out of Python's each call is two, and gives up the interpreter twice.
        for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            plug.setsockopt(socket.SOL_SOCKET, option, struct.pack("ll", IDLE_SECONDS, 0))
        self._incoming = _Incoming(self)
        self._stream = io.BufferedReader(self._incoming, _PIECE)

    def answer_next(self, make_way: MakeWay) -> bool:
        """Answer the request that has begun to come; returns whether the connection can serve another.

        `make_way` is called before anything is waited for. A bug of the application's is raised, once answered.
        """
        self.make_way = make_way
        self._begun = False
        try:
            head = read_head(self._stream)
            if head is None:
                return False
            stays = self._answer(head)
            if stays:
                self.since = time.monotonic()
                return True
        except BadRequest as bad:
            said = denied(bad.status, f"{bad} Correct the request.")
            with contextlib.suppress(*_BROKEN_OFF):
                self._begin(said.status, [*said.headers, ("Connection", "close")], said.body)
        except _BROKEN_OFF:
            return False
        except Exception:
            if not self._begun:
                with contextlib.suppress(*_BROKEN_OFF):
                    self._begin("500 Internal Server Error", _EMPTY, b"")
            raise
        self._drain()
        return False

    @property
    def has_more(self) -> bool:
        """Whether the next request has come, or begun to, with the one before it."""
        return self._stream.tell() < self._incoming.received

    def send(self, content: bytes) -> None:
        """Send all of it."""
        sent = 0
        with contextlib.suppress(BlockingIOError):
            sent = self.plug.send(content, socket.MSG_DONTWAIT)
        if sent < len(content):
            self.make_way()
            self.plug.sendall(memoryview(content)[sent:])

    def _answer(self, head: Head) -> bool:
        """Answer one request; returns whether the connection can serve another."""
        environ = head.environ
        body: Any = body_of(head, self._stream)
        environ["wsgi.input"] = _Continuing(body, self) if head.waits else body
        environ[MAKE_WAY] = self.make_way
        started: list[tuple[str, list[tuple[str, str]]]] = []

        def start_response(status: str, headers: list[tuple[str, str]], *more: object) -> None:
            started.append((status, headers))

        pieces = iter(self._application(environ, start_response))
        first = next(pieces, b"")
        status, headers = started[-1]
        names = {name.lower() for name, _ in headers}
        # Without a length the end of the connection is that of the answer.
        measured = "content-length" in names or head.method == "HEAD" or status[:3] in ("204", "304")
        read = environ.get(BODY_READ) or not head.has_body
        stays = bool(head.stays and measured and read and "connection" not in names)
        if not stays and "connection" not in names:
            headers = [*headers, ("Connection", "close")]
        elif stays and head.must_be_told:
            headers = [*headers, ("Connection", "keep-alive")]
        # Of a question for the head alone the content would pass for the next answer.
        has_content = head.method != "HEAD"
        self._begin(status, headers, first if has_content else b"")
        for piece in pieces:
            if has_content:
                self.send(piece)
        return stays

    def _begin(self, status: str, headers: Iterable[tuple[str, str]], content: bytes) -> None:
        """Send the head of an answer and its beginning, in one packet where they are small."""
        self._begun = True
        lines = [f"HTTP/1.1 {status}", f"Date: {_date(int(time.time()))}", *map(": ".join, headers), "\r\n"]
        self.send("\r\n".join(lines).encode("latin-1") + content)

    def _drain(self) -> None:
        """Read what its sender still sends: a connection that is cut off would take the answer with it."""
        self.make_way()
        until = time.monotonic() + _DRAIN_SECONDS
        with contextlib.suppress(OSError):
            self.plug.shutdown(socket.SHUT_WR)
            self.plug.settimeout(_DRAIN_SECONDS)
            read = 0
            while (
                read < _DRAINED_BYTES and time.monotonic() < until and (piece := self._stream.read1(_PIECE))
            ):
                read += len(piece)


@lru_cache(maxsize=2)
def _date(second: int) -> str:
    return formatdate(second, usegmt=True)
