"""Listens for HTTP requests and hands them to a WSGI application, each in a thread, until told to stop.

Werkzeug's server: it is what moto's server, too, runs on here, and enough for a server on loopback; a public one
belongs behind a real web server.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from pipeline.errors import UsageError
from pipeline.printable import printable

SILENT_SECONDS = 30.0  # a client that sends nothing for so long is hung up on
BACKLOG = 128


class _Handler(WSGIRequestHandler):  # type: ignore[misc]
    timeout = SILENT_SECONDS
    disable_nagle_algorithm = True

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """One line a request, with nothing in it that a terminal would obey."""
        server: Any = self.server
        server.say(f"{printable(self.requestline)[:200]} → {code}")

    def log_error(self, *args: object) -> None:
        """Clients that go away, or send no HTTP, are none of the user's business."""

    def handle_expect_100(self) -> bool:
        """Werkzeug answers `Expect: 100-continue` itself; the standard library would do so a second time."""
        return True

    def version_string(self) -> str:
        """Says nothing of versions."""
        return "pipeline"


def bound_socket(host: str, port: int) -> socket.socket:
    """A socket that listens at `host` and `port` (0: a free one).

    Raises:
        UsageError: the port is taken or needs more rights, or the host is none of this machine's.
    """
    doing = f"Listening at {host}, port {port}"
    if not 0 <= port <= 65535:
        raise UsageError(f"{doing}: expected a port from 0 to 65535. Received: {port}.")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (OSError, UnicodeError) as error:
        raise UsageError(
            f"{doing}: expected a name or address of this machine. Received: {error}."
        ) from error
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
            f"{doing}: expected a free port of an address of this machine. Received: {error.strerror}. "
            "Choose another with --port (0 takes a free one), or end what listens there."
        ) from error
    return listening


@contextmanager
def serving(
    listening: socket.socket, application: Any, say: Callable[[str], None] = lambda _: None
) -> Iterator[BaseWSGIServer]:
    """Answers requests in threads of their own while the block lasts; `say` is told of each."""
    host = listening.getsockname()[0]
    server = make_server(host, 0, application, threaded=True, request_handler=_Handler, fd=listening.fileno())
    server.say = say
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, name="server")
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
