"""The socket of the local SageMaker: a thread a connection, which stays open and sends small answers at once."""

from __future__ import annotations

import contextlib
import errno
import socket
import threading
import time
from typing import Any

from werkzeug.serving import make_server

from pipeline.errors import UsageError
from pipeline.local.state.guarded import Application, RawRequests

ADDRESS = "127.0.0.1"
# A connection on which nothing comes for so long is closed; clients open another.
_IDLE_SECONDS = 120.0
_WAITING_CONNECTIONS = 256
# What of a refused body is still read, so that its sender comes to read the answer.
_DRAINED_BYTES, _DRAIN_SECONDS = 1 << 30, 10.0
_PIECE = 1 << 16
# An application sets this in the environment when it has read the whole body: only then can the connection stay.
BODY_READ = "pipeline.body_read"


class _Continuing:
    """A body whose sender waits to be told to go on: he is when somebody reads."""

    def __init__(self, stream: Any, outlet: Any) -> None:
        self._stream, self._outlet, self._told = stream, outlet, False

    def read(self, size: int = -1) -> bytes:
        """As the stream's."""
        if not self._told:
            self._told = True
            self._outlet.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        content: bytes = self._stream.read(size)
        return content


class Handler(RawRequests):
    """Drives the application for one connection. Not as werkzeug does, which closes it after each answer."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = _IDLE_SECONDS

    def run_wsgi(self) -> None:
        """Answer one request."""
        environ = self.make_environ()
        if self.headers.get("Expect", "").strip().lower() == "100-continue":
            environ["wsgi.input"] = _Continuing(environ["wsgi.input"], self.wfile)
        started: list[tuple[str, list[tuple[str, str]]]] = []

        def start_response(status: str, headers: list[tuple[str, str]], *more: object) -> None:
            started.append((status, headers))

        pieces = iter(self.server.app(environ, start_response))
        first = next(pieces, b"")
        status, headers = started[-1]
        stays = environ.get(BODY_READ) or not (
            environ.get("wsgi.input_terminated") or int(environ.get("CONTENT_LENGTH") or 0)
        )
        code, _, words = status.partition(" ")
        self.send_response(int(code), words)
        names = set()
        for name, value in headers:
            names.add(name.lower())
            self.send_header(name, value)
        # Without a length the end of the connection is that of the answer.
        if not stays or (
            "content-length" not in names and self.command != "HEAD" and code not in ("204", "304")
        ):
            self.send_header("Connection", "close")
        # In one packet, where it is small.
        self._headers_buffer.append(b"\r\n" + first)
        self.flush_headers()
        for piece in pieces:
            self.wfile.write(piece)
        if not stays:
            self._drain()

    def _drain(self) -> None:
        """Read what its sender still sends: a connection that is cut off would take the answer with it."""
        until = time.monotonic() + _DRAIN_SECONDS
        self.wfile.flush()
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_WR)
            self.connection.settimeout(_DRAIN_SECONDS)
            read = 0
            while read < _DRAINED_BYTES and time.monotonic() < until and (piece := self.rfile.read1(_PIECE)):
                read += len(piece)

    def handle(self) -> None:
        """Answer the requests of a connection, one after another, until it breaks or idles."""
        with contextlib.suppress(ConnectionError, TimeoutError):
            super().handle()

    def log_request(self, *args: object) -> None:
        """Requests are not logged."""

    def log(self, type: str, message: str, *args: Any) -> None:
        """Nor are connections that break."""

    def handle_expect_100(self) -> bool:
        """Not before somebody reads the body (_Continuing)."""
        return True


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
        address, port = listening.getsockname()[:2]
        self.url = f"http://{address}:{port}"
        self._server = make_server(
            address, port, application, threaded=True, request_handler=Handler, fd=listening.fileno()
        )
        self._server.daemon_threads = True
        # Requests under way when it ends are those of clients that are told to come again, or are gone.
        self._server.block_on_close = False
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Take no new connections."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()
        self._listening.close()
