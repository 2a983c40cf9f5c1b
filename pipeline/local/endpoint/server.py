"""The socket of the local SageMaker, and the threads that answer.

One thread at a time looks after all connections: it has the turn, waits until something comes on any of them, and
answers there and then what is at hand, so that many small questions cost no change of threads. Before it waits for
anything (more of a body, a slow client, the disk, the engine) it makes way: the turn goes to another thread, and it
goes on with its one connection alone.
"""

from __future__ import annotations

import contextlib
import errno
import selectors
import socket
import threading
import time
from collections import deque

from pipeline.errors import UsageError
from pipeline.local.endpoint.connection import IDLE_SECONDS, Connection, MakeWay
from pipeline.local.state.guarded import Application

ADDRESS = "127.0.0.1"
_WAITING_CONNECTIONS = 256
# Threads that wait for the turn: at first and at most.
_FIRST, _MOST = 4, 48
# How often the server looks whether it has ended, and for connections that idle.
_LOOK_SECONDS = 1.0
# What a connection that was taken too late, or one too many, fails with; others come.
_PASSING = (errno.ECONNABORTED, errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_PAUSE_SECONDS = 0.1


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

    def __init__(
        self, listening: socket.socket, application: Application, *, makes_way: bool = False
    ) -> None:
        """`makes_way`: the application calls environ[MAKE_WAY] before it waits; others have it called for them."""
        self._listening = listening
        self._application = application
        self._makes_way = makes_way
        address, port = listening.getsockname()[:2]
        self.url = f"http://{address}:{port}"
        self._selector = selectors.DefaultSelector()
        self._turn = threading.Lock()
        # Threads that wait for the turn, counted under a lock of their own.
        self._count = threading.Lock()
        self._waiting = 0
        # What follows is of the thread whose turn it is. None: somebody wants to connect.
        self._heard: deque[Connection | None] = deque()
        self._watched: set[Connection] = set()
        self._look_at = 0.0
        self._ended = False

    def start(self) -> None:
        """Begin to answer."""
        self._listening.setblocking(False)
        for _ in range(_FIRST):
            self._add()

    def stop(self) -> None:
        """Take no new connections. Requests under way are of clients that are told to come again, or are gone."""
        self._ended = True
        self._listen_no_more()
        self._listening.close()

    def _add(self) -> None:
        """Start a thread that waits for the turn. Raises RuntimeError when there can be none."""
        with self._count:
            self._waiting += 1
        try:
            threading.Thread(target=self._work, name="requests", daemon=True).start()
        except RuntimeError:
            with self._count:
                self._waiting -= 1
            raise

    def _work(self) -> None:
        """Take the turn again and again, until enough other threads wait for it, or nothing is left to do."""
        while True:
            self._turn.acquire()
            with self._count:
                self._waiting -= 1
            if not self._look_after_all():
                return
            with self._count:
                if self._waiting >= _MOST:
                    return
                self._waiting += 1

    def _look_after_all(self) -> bool:
        """Answer on all connections, until this thread has made way; False: the server has ended."""
        # With which it goes on alone, once it has made way.
        alone: list[Connection] = []

        def make_way() -> None:
            if alone:
                return
            if not self._waiting:
                try:
                    self._add()
                except RuntimeError:
                    return  # No other thread can be had: this one does everything.
            alone.append(connection)
            self._unwatch(connection)
            self._turn.release()

        while not alone:
            found = self._next()
            if found is None:
                self._turn.release()
                return False
            connection = found
            stays = self._answer(connection, make_way)
            while stays and connection.has_more:
                make_way()
                stays = self._answer(connection, make_way)
            if not stays:
                self._close(connection)
            elif alone:
                self._watch(connection)
        return True

    def _answer(self, connection: Connection, make_way: MakeWay) -> bool:
        """Answer the connection's next request; returns whether it can serve another."""
        try:
            if not self._makes_way:
                make_way()
            return connection.answer_next(make_way)
        except Exception as error:
            # A bug costs one connection.
            said = (type(error), error, error.__traceback__, threading.current_thread())
            threading.excepthook(threading.ExceptHookArgs(said))
            return False

    def _next(self) -> Connection | None:
        """A connection on which something has come, when there is one; None when the server has ended."""
        while True:
            while self._heard:
                connection = self._heard.popleft()
                if connection is not None:
                    return connection
                self._accept()
            now = time.monotonic()
            if now >= self._look_at:
                self._look(now)
            if self._ended and not self._watched:
                return None
            found = self._selector.select(max(0.0, self._look_at - now))
            self._heard.extend(key.data for key, _ in found)

    def _look(self, now: float) -> None:
        """Close connections that idle, and listen at first and after a pause."""
        self._look_at = now + _LOOK_SECONDS
        for connection in tuple(self._watched):
            if now - connection.since > IDLE_SECONDS:
                self._close(connection)
        if not self._ended:
            # It listens already; there is no memory; it has ended meanwhile.
            with contextlib.suppress(KeyError, OSError, ValueError):
                self._selector.register(self._listening, selectors.EVENT_READ)

    def _accept(self) -> None:
        try:
            plug, _ = self._listening.accept()
        except OSError as error:
            if error.errno in _PASSING and not self._ended:
                self._listen_no_more()
                self._look_at = time.monotonic() + _PAUSE_SECONDS
            return
        try:
            connection = Connection(plug, self._application)
        except OSError:  # It has been broken off.
            plug.close()
            return
        self._watch(connection)

    def _listen_no_more(self) -> None:
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(self._listening)

    def _watch(self, connection: Connection) -> None:
        self._watched.add(connection)
        try:
            self._selector.register(connection.plug, selectors.EVENT_READ, connection)
        except OSError:  # No memory.
            self._close(connection)

    def _unwatch(self, connection: Connection) -> None:
        self._watched.discard(connection)
        with contextlib.suppress(KeyError):
            self._selector.unregister(connection.plug)

    def _close(self, connection: Connection) -> None:
        self._unwatch(connection)
        connection.plug.close()
