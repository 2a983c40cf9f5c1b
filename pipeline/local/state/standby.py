"""A port whose server is started when its first client connects: many executions never ask the local S3 at all.

Whoever connects meanwhile waits in the port's queue, and is answered by the server, which takes the port over.
"""

from __future__ import annotations

import selectors
import socket
import threading
from collections.abc import Callable

from pipeline.errors import FashionError

_QUEUE = 128


class Standby:
    """Listens on a free port of `host` from the start. `wanted` is called, in a thread, when somebody connects.

    The port is handed to the server by its `descriptor`; then, or when there is to be no server, `end` is called.
    """

    def __init__(self, host: str, wanted: Callable[[], None]) -> None:
        """Listen.

        Raises:
            FashionError: `host` is no address of this machine.
        """
        try:
            self._socket = socket.create_server((host, 0), backlog=_QUEUE)
        except OSError as error:
            raise FashionError(
                f"Could not listen at {host} for the local S3: {error.strerror or error}."
            ) from error
        self.port: int = self._socket.getsockname()[1]
        self._ended, self._end = socket.socketpair()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._socket, selectors.EVENT_READ)
        self._selector.register(self._ended, selectors.EVENT_READ)
        threading.Thread(target=self._watch, args=(wanted,), name="standby", daemon=True).start()

    @property
    def descriptor(self) -> int:
        """The file descriptor of the listening socket."""
        return self._socket.fileno()

    def end(self) -> None:
        """Listen no more. Where no server has got the port, clients are refused from now on."""
        self._end.close()
        self._socket.close()

    def _watch(self, wanted: Callable[[], None]) -> None:
        with self._ended, self._selector:
            found = [key.fileobj for key, _ in self._selector.select()]
        if self._ended not in found:
            wanted()
