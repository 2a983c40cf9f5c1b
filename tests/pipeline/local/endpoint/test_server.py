"""Connections and the threads that answer: nobody waits for another's request, and a bug costs one connection."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest

from pipeline.local.endpoint.connection import BODY_READ, MAKE_WAY
from pipeline.local.endpoint.server import Server, listen

SECONDS = 120


class Application:
    """Answers with the path. `/wait` waits for `go`, `/bug` raises, `/deaf` leaves the body unread."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.waits = threading.Semaphore(0)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path == "/wait":
            environ[MAKE_WAY]()
            self.waits.release()
            assert self.go.wait(SECONDS)
        if path == "/bug":
            raise ZeroDivisionError("a bug")
        if path != "/deaf":
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            environ[BODY_READ] = True
        content = path.encode() * (200_000 if path == "/large" else 1)
        start_response("200 OK", [("Content-Length", str(len(content)))])
        return [content]


@contextmanager
def serving(application: Application, *, makes_way: bool) -> Iterator[Server]:
    with listen(0) as listening:
        server = Server(listening, application, makes_way=makes_way)
        server.start()
        try:
            yield server
        finally:
            application.go.set()
            server.stop()


@pytest.fixture(params=[True, False], ids=["that makes way", "for which way is made"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with serving(Application(), makes_way=request.param) as server:
        yield server


class Client:
    """One connection."""

    def __init__(self, server: Server) -> None:
        place = urlsplit(server.url)
        self.plug = socket.create_connection((place.hostname, place.port), timeout=SECONDS)
        self.stream = self.plug.makefile("rb")

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *error: object) -> None:
        self.stream.close()
        self.plug.close()

    def send(
        self, path: str, *lines: str, body: bytes = b"", version: str = "1.1", method: str = "POST"
    ) -> None:
        head = [f"{method} {path} HTTP/{version}", f"Content-Length: {len(body)}", *lines, "", ""]
        self.plug.sendall("\r\n".join(head).encode() + body)

    def answer(self) -> tuple[str, dict[str, str], bytes]:
        """The status, the headers and the content of the next answer."""
        status = self.stream.readline().decode().strip()
        headers = {}
        while line := self.stream.readline().decode().strip():
            name, _, value = line.partition(": ")
            headers[name] = value
        return status, headers, self.stream.read(int(headers.get("Content-Length", 0)))

    def ask(self, path: str, *lines: str, **more: Any) -> bytes:
        self.send(path, *lines, **more)
        status, _, content = self.answer()
        assert status == "HTTP/1.1 200 OK"
        return content

    @property
    def has_ended(self) -> bool:
        return self.stream.read(1) == b""


@pytest.mark.parametrize("makes_way", [True, False])
def test_a_request_that_waits_keeps_no_other_waiting(makes_way: bool) -> None:
    application = Application()
    with serving(application, makes_way=makes_way) as server:
        # More than there are threads at first, and than there are kept.
        waiting = [Client(server) for _ in range(60)]
        for client in waiting:
            client.send("/wait")
        for _ in waiting:
            assert application.waits.acquire(timeout=SECONDS)
        with Client(server) as other:
            for _ in range(3):
                assert other.ask("/other") == b"/other"
        application.go.set()
        for client in waiting:
            with client:
                assert client.answer()[2] == b"/wait"
                # The connection is looked after again.
                assert client.ask("/again") == b"/again"


def test_connections_on_which_nothing_comes_have_no_thread() -> None:
    with serving(Application(), makes_way=True) as server:
        before = threading.active_count()
        silent = [Client(server) for _ in range(100)]
        with Client(server) as client:
            assert client.ask("/a") == b"/a"
        # Other servers of this process may start some.
        assert threading.active_count() - before < 50
        for each in silent:
            with each:
                assert each.ask("/b") == b"/b"


def test_half_a_request_keeps_no_other_waiting(server: Server) -> None:
    with Client(server) as slow, Client(server) as half, Client(server) as client:
        slow.plug.sendall(b"POST /slow HTTP/1.1\r\nConte")
        half.plug.sendall(b"POST /half HTTP/1.1\r\nContent-Length: 4\r\n\r\nab")
        assert client.ask("/a") == b"/a"
        half.plug.sendall(b"cd")
        slow.plug.sendall(b"nt-Length: 0\r\n\r\n")
        assert [half.answer()[2], slow.answer()[2]] == [b"/half", b"/slow"]


def test_a_client_that_takes_no_answer_keeps_no_other_waiting(server: Server) -> None:
    with Client(server) as deaf, Client(server) as client:
        for _ in range(50):
            deaf.send("/large")  # 60 MB of answers, more than the kernel takes.
        assert client.ask("/a") == b"/a"
        for _ in range(50):
            assert len(deaf.answer()[2]) == 200_000 * len("/large")


def test_requests_that_come_together_are_answered_in_order(server: Server) -> None:
    one = b"POST /%d HTTP/1.1\r\nContent-Length: 2\r\n\r\nab"
    with Client(server) as client:
        client.plug.sendall(b"".join(one % number for number in range(20)) + b"POST /last HTTP/1.1\r\n")
        assert [client.answer()[2] for _ in range(20)] == [b"/%d" % number for number in range(20)]
        client.plug.sendall(b"\r\n")
        assert client.answer()[2] == b"/last"


def test_a_bug_is_answered_and_costs_one_connection(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", told.append)
    for _ in range(10):  # More than there are threads at first.
        with Client(server) as client:
            client.send("/bug")
            assert client.answer()[0] == "HTTP/1.1 500 Internal Server Error"
            assert client.has_ended
    assert [repr(each.exc_value) for each in told] == ["ZeroDivisionError('a bug')"] * 10
    with Client(server) as client:
        assert client.ask("/a") == b"/a"


def test_a_question_for_the_head_alone_gets_no_content(server: Server) -> None:
    with Client(server) as client:
        client.send("/a", method="HEAD")
        client.send("/b")
        status = client.stream.readline()
        while client.stream.readline() != b"\r\n":
            pass
        assert status == b"HTTP/1.1 200 OK\r\n"
        assert client.answer()[2] == b"/b"


def test_a_body_that_is_not_read_ends_the_connection_after_the_answer(server: Server) -> None:
    with Client(server) as client:
        assert client.ask("/deaf", body=bytes(3 << 20)) == b"/deaf"
        assert client.has_ended


def test_a_client_of_http_1_0_is_told_that_the_connection_stays(server: Server) -> None:
    with Client(server) as client:
        for _ in range(2):
            client.send("/a", "Connection: keep-alive", version="1.0")
            assert client.answer()[1]["Connection"] == "keep-alive"
    with Client(server) as client:
        client.send("/a", version="1.0")
        assert client.answer()[1]["Connection"] == "close"
        assert client.has_ended


def test_an_answer_under_way_is_given_after_the_end() -> None:
    application = Application()
    with serving(application, makes_way=True) as server:
        with Client(server) as client, Client(server) as idle:
            client.send("/wait")
            assert application.waits.acquire(timeout=SECONDS)
            server.stop()
            assert idle.ask("/a") == b"/a"
            application.go.set()
            assert client.answer()[2] == b"/wait"
        with pytest.raises(ConnectionRefusedError):
            Client(server)
