"""Listens for HTTP requests and hands them to a WSGI application, each in a thread, until told to stop.

Werkzeug's server: it is what moto's server, too, runs on here, and enough for a server on loopback; a public one
belongs behind a real web server.
"""

from __future__ import annotations

import ctypes
import os
import socket
import socketserver
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

from pipeline.errors import UsageError
from pipeline.printable import printable

SILENT_SECONDS = 30.0  # a client that sends nothing for so long is hung up on
# Clients that wait to be let in. With fewer, the system takes some for connected that it then hangs up on.
BACKLOG = 1024
SETTLING_SECONDS = 0.05  # for a connection that the system is making while no new ones are let in

# Linux: a filter of a socket is a program of the classic BPF (include/uapi/linux/filter.h), here over TCP's header.
_SO_ATTACH_FILTER = 26
_DROP_NEW_CONNECTIONS = (
    (0x30, 0, 0, 13),  # load the byte of the flags
    (0x54, 0, 0, 0x12),  # keep SYN and ACK
    (0x15, 0, 1, 0x02),  # is it SYN alone, a connection's first segment?
    (0x06, 0, 0, 0),  # then drop it: the client asks again after a second, and is refused
    (0x06, 0, 0, 0xFFFFFFFF),  # else pass it on
)


class _Handler(WSGIRequestHandler):  # type: ignore[misc]
    timeout = SILENT_SECONDS
    disable_nagle_algorithm = True

    def parse_request(self) -> bool:
        """The request has begun. False, once it is answered, for one whose address is none."""
        server: Any = self.server
        server.began(self.connection)
        if not super().parse_request():
            return False
        try:
            urlsplit(self.path)  # Werkzeug's own use of it is not prepared for a fault
        except ValueError:
            self.send_error(400, "Bad request address")
            return False
        return True

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """One line a request, with nothing in it that a terminal would obey."""
        server: Any = self.server
        with suppress(OSError):  # nobody reads it any more: no reason not to answer
            server.say(f"{printable(self.requestline)[:200]} → {code}")

    def log_error(self, *args: object) -> None:
        """Clients that go away, or send no HTTP, are none of the user's business."""

    def handle_expect_100(self) -> bool:
        """Werkzeug answers `Expect: 100-continue` itself; the standard library would do so a second time."""
        return True

    def version_string(self) -> str:
        """Says nothing of versions."""
        return "pipeline"


class HttpServer(ThreadedWSGIServer):  # type: ignore[misc]
    """Answers requests on a socket that listens already, and knows which are being answered."""

    def __init__(self, listening: socket.socket, application: Any, say: Callable[[str], None]) -> None:
        """`say` is told of each request."""
        host = listening.getsockname()[0]
        super().__init__(host, 0, application, _Handler, fd=listening.fileno())
        self.say = say
        self._open: dict[socket.socket, bool] = {}  # whether its request has begun
        self._changed = threading.Condition()
        self._none_waits = False

    def serve_forever(self, poll_interval: float = 0.1) -> None:
        """Answers until shutdown(). The socket stays open, which Werkzeug would close."""
        socketserver.BaseServer.serve_forever(self, poll_interval)

    def process_request(self, request: Any, client_address: Any) -> None:
        """A connection was accepted."""
        with self._changed:
            self._open[request] = False
        super().process_request(request, client_address)

    def began(self, connection: socket.socket) -> None:
        """The first line of a request has arrived."""
        with self._changed:
            self._open[connection] = True

    def shutdown_request(self, request: Any) -> None:
        """A connection was answered, or given up."""
        super().shutdown_request(request)
        with self._changed:
            self._open.pop(request, None)
            self._changed.notify_all()

    def accept_no_more(self) -> None:
        """Stops listening; connections that the system has accepted by then are answered. After shutdown()."""
        let_nobody_new_in(self.socket)
        self.timeout = SETTLING_SECONDS
        for _ in range(BACKLOG):
            self.handle_request()
            if self._none_waits:
                break
        self.server_close()

    def handle_timeout(self) -> None:
        """No connection waits."""
        self._none_waits = True

    def drain(self, seconds: float) -> bool:
        """Wait until all that was asked is answered, at most so long; whether that is so.

        After accept_no_more().
        """
        with self._changed:
            for connection, begun in self._open.items():
                if not begun:
                    with suppress(OSError):  # what it has sent already is read; silence is its end
                        connection.shutdown(socket.SHUT_RD)
            return self._changed.wait_for(lambda: not self._open, seconds)


def let_nobody_new_in(listening: socket.socket) -> None:
    """Let the system make no more connections; those it has made wait to be accepted.

    Without this, one that it makes between the last look and the closing of the socket would be reset. Where a
    socket takes no filter (macOS), such a moment is left.
    """
    program = b"".join(struct.pack("HBBI", *instruction) for instruction in _DROP_NEW_CONNECTIONS)
    instructions = ctypes.create_string_buffer(program, len(program))
    with suppress(OSError):
        listening.setsockopt(
            socket.SOL_SOCKET,
            _SO_ATTACH_FILTER,
            struct.pack("HP", len(_DROP_NEW_CONNECTIONS), ctypes.addressof(instructions)),
        )


def bound_socket(host: str, port: int) -> socket.socket:
    """A socket that listens at `host` and `port` (0: a free one).

    Raises:
        UsageError: the port is taken or needs more rights, or the host is none of this machine's.
    """
    doing = f"Listening at {host}, port {port}"
    if not 0 <= port <= 65535:
        raise UsageError(f"{doing}: the port must be from 0 to 65535, not {port}.")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (OSError, UnicodeError) as error:
        said = getattr(error, "strerror", None) or error
        raise UsageError(f"{doing}: that is not a name or an address of this machine: {said}.") from error
    listening = socket.socket(family, kind, protocol)
    try:
        if os.name == "posix":
            # Not to wait for connections that a server just ended had; two servers still cannot share a port.
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        raise UsageError(
            f"{doing}: {error.strerror}. Choose another port with --port (0 takes a free one), or end what "
            "listens there."
        ) from error
    return listening


@contextmanager
def serving(
    listening: socket.socket, application: Any, say: Callable[[str], None] = lambda _: None
) -> Iterator[HttpServer]:
    """Answers requests in threads of their own while the block lasts; `say` is told of each.

    Afterwards `listening` is closed, and requests may still be on their way: see HttpServer.drain.
    """
    server = HttpServer(listening, application, say)
    thread = threading.Thread(target=server.serve_forever, name="server")
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.accept_no_more()
        listening.close()
