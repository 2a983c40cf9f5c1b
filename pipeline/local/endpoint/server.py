"""The socket of the local SageMaker: a thread a connection, which stays open and sends small answers at once.

Threads wait for connections ahead: who comes while others are busy does not wait for one to be started.
"""

from __future__ import annotations

import contextlib
import errno
import io
import socket
import struct
import threading
import time
from collections.abc import Iterable
from email.utils import formatdate
from functools import lru_cache
from typing import Any

from pipeline.errors import UsageError
from pipeline.local.endpoint.request_head import BadRequest, Head, body_of, read_head
from pipeline.local.state.aws_errors import denied
from pipeline.local.state.guarded import Application

ADDRESS = "127.0.0.1"
# A connection on which nothing comes for so long is closed; clients open another.
_IDLE_SECONDS = 120
_WAITING_CONNECTIONS = 256
# Threads that wait for connections: at first and at most, and when more are started.
_READY, _FEW = 48, 8
# What of a refused body is still read, so that its sender comes to read the answer.
_DRAINED_BYTES, _DRAIN_SECONDS = 1 << 30, 10.0
_PIECE = 1 << 16
# What a connection that was taken too late, or one too many, fails with; others come.
_PASSING = (errno.ECONNABORTED, errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_PAUSE_SECONDS = 0.1
# An application sets this in the environment when it has read the whole body: only then can the connection stay.
BODY_READ = "pipeline.body_read"


class _Incoming(io.RawIOBase):
    """What comes from a client; a TimeoutError when nothing does for long."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: Any) -> int:
        """As of every raw stream."""
        try:
            return self._connection.recv_into(buffer)
        except BlockingIOError:
            raise TimeoutError("the client sends nothing") from None


class _Continuing:
    """A body whose sender waits to be told to go on: he is when somebody reads."""

    def __init__(self, stream: Any, connection: socket.socket) -> None:
        self._stream, self._connection, self._told = stream, connection, False

    def read(self, size: int = -1) -> bytes:
        """As the stream's."""
        if not self._told:
            self._told = True
            self._connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        content: bytes = self._stream.read(size)
        return content


class _Connection:
    """Drives the application for one connection. Not as werkzeug does, which closes it after each answer."""

    def __init__(self, connection: socket.socket, application: Application) -> None:
        self._socket = connection
        self._application = application
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # By the kernel: with a time-out of Python's each call is two, and gives up the interpreter twice.
        for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            connection.setsockopt(socket.SOL_SOCKET, option, struct.pack("ll", _IDLE_SECONDS, 0))
        self._stream = io.BufferedReader(_Incoming(connection), _PIECE)

    def serve(self) -> None:
        """Answer the requests of the connection, one after another, until it breaks or idles."""
        with self._socket, contextlib.suppress(ConnectionError, TimeoutError, BlockingIOError):
            try:
                while (head := read_head(self._stream)) is not None:
                    if not self._answer(head):
                        self._drain()
                        return
            except BadRequest as bad:
                said = denied(bad.status, f"{bad} Correct the request.")
                self._send(said.status, [*said.headers, ("Connection", "close")], [said.body])
                self._drain()

    def _answer(self, head: Head) -> bool:
        """Answer one request; returns whether the connection can serve another."""
        environ = head.environ
        body: Any = body_of(head, self._stream)
        environ["wsgi.input"] = _Continuing(body, self._socket) if head.waits else body
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
        self._send(status, headers, [first])
        for piece in pieces:
            self._socket.sendall(piece)
        return stays

    def _send(self, status: str, headers: Iterable[tuple[str, str]], pieces: Iterable[bytes]) -> None:
        """Send the head of an answer and its beginning, in one packet where they are small."""
        lines = [f"HTTP/1.1 {status}", f"Date: {_date(int(time.time()))}", *map(": ".join, headers), "\r\n"]
        self._socket.sendall(b"".join(["\r\n".join(lines).encode("latin-1"), *pieces]))

    def _drain(self) -> None:
        """Read what its sender still sends: a connection that is cut off would take the answer with it."""
        until = time.monotonic() + _DRAIN_SECONDS
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)
            self._socket.settimeout(_DRAIN_SECONDS)
            read = 0
            while (
                read < _DRAINED_BYTES and time.monotonic() < until and (piece := self._stream.read1(_PIECE))
            ):
                read += len(piece)


@lru_cache(maxsize=2)
def _date(second: int) -> str:
    return formatdate(second, usegmt=True)


def listen(port: int) -> socket.socket:
    """A socket that listens at the port of loopback; 0: at any that is free.

    Raises:
        UsageError: the port is in use, or may not be used.
    """
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        # After a server that was killed its old connections linger; another server that listens is still refused.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((ADDRESS, port))
        listening.listen(_WAITING_CONNECTIONS)
    except OSError as error:
        listening.close()
        why = "it is in use" if error.errno == errno.EADDRINUSE else error.strerror
        raise UsageError(
            f"Could not listen at port {port} of {ADDRESS}: {why}. Name another with --port, or leave it out."
        ) from None
    return listening


class Server:
    """Serves a WSGI application on a socket that listens, from `start` to `stop`."""

    def __init__(self, listening: socket.socket, application: Application) -> None:
        self._listening = listening
        self._application = application
        address, port = listening.getsockname()[:2]
        self.url = f"http://{address}:{port}"
        self._lock = threading.Lock()
        self._ready = 0
        self._ended = False

    def start(self) -> None:
        """Begin to answer."""
        for _ in range(_READY):
            self._add()

    def stop(self) -> None:
        """Take no new connections. Requests under way are of clients that are told to come again, or are gone."""
        self._ended = True
        with contextlib.suppress(OSError):
            # Wakes whoever waits for a connection.
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _add(self) -> None:
        with self._lock:
            self._ready += 1
        threading.Thread(target=self._work, name="requests", daemon=True).start()

    def _work(self) -> None:
        """Serve one connection after another, until enough other threads wait for them."""
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError as error:
                if self._ended or error.errno not in _PASSING:
                    return
                time.sleep(_PAUSE_SECONDS)
                continue
            with self._lock:
                self._ready -= 1
                are_few = self._ready < _FEW
            if are_few:
                self._add()
            _Connection(connection, self._application).serve()
            with self._lock:
                if self._ready >= _READY:
                    return
                self._ready += 1
