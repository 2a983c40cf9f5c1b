"""The head of a request: what is read as http.server reads it, and what is refused."""

from __future__ import annotations

import io
from typing import Any

import pytest

from pipeline.local.endpoint.request_head import BadRequest, Head, body_of, read_head
from pipeline.local.state.guarded import HEADERS, TARGET


def head_of(*lines: str) -> Head | None:
    return read_head(io.BytesIO("".join(f"{line}\r\n" for line in lines).encode("latin-1")))


def environ_of(*lines: str) -> dict[str, Any]:
    head = head_of("POST /a%20b?x=%2F HTTP/1.1", *lines, "")
    assert head is not None
    return head.environ


def test_what_was_sent_is_there_raw_and_decoded() -> None:
    environ = environ_of("Host: h:1", "x-amz-Target:  A.B \t", "Content-Type:t", "X-Two: 1", "x-two: é")
    assert environ[TARGET] == "/a%20b?x=%2F"
    assert (environ["PATH_INFO"], environ["QUERY_STRING"]) == ("/a b", "x=%2F")
    assert environ[HEADERS][1:3] == [("x-amz-Target", "A.B \t"), ("Content-Type", "t")]
    assert (environ["HTTP_HOST"], environ["CONTENT_TYPE"], environ["HTTP_X_TWO"]) == ("h:1", "t", "1,é")


def test_a_name_with_an_underscore_does_not_pass_for_another() -> None:
    environ = environ_of("X_Amz_Target: A.B", "Content_Length: 7")
    assert "HTTP_X_AMZ_TARGET" not in environ
    assert "CONTENT_LENGTH" not in environ
    assert environ[HEADERS] == [("X_Amz_Target", "A.B"), ("Content_Length", "7")]


@pytest.mark.parametrize(
    ("version", "connection", "stays"),
    [("1.1", "", True), ("1.1", "Close", False), ("1.0", "", False), ("1.0", "keep-alive", True)],
)
def test_the_connection_stays_as_the_client_says(version: str, connection: str, stays: bool) -> None:
    more = [f"Connection: {connection}"] if connection else []
    head = head_of(f"GET / HTTP/{version}", *more, "")
    assert head is not None
    assert head.stays is stays


def test_a_body_in_chunks_is_joined_and_one_of_a_length_is_as_it_is() -> None:
    sent = b"\r\nPUT / HTTP/1.1\nTransfer-Encoding: chunked\n\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    stream = io.BytesIO(sent)
    head = read_head(stream)
    assert head is not None
    assert head.has_body
    assert body_of(head, stream).read() == b"abcde"
    stream = io.BytesIO(b"PUT / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc")
    head = read_head(stream)
    assert head is not None
    assert head.has_body
    assert body_of(head, stream) is stream


def test_the_end_of_a_connection_is_no_request() -> None:
    assert read_head(io.BytesIO(b"")) is None
    assert read_head(io.BytesIO(b"\r\n")) is None


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        (["GET /"], "400"),
        (["GET / HTTP/2.0", ""], "400"),
        (["GET /a b HTTP/1.1", ""], "400"),
        (["get / HTTP/1.1", ""], "400"),
        (["GET / HTTP/1.1", "Host : h", ""], "400"),
        (["GET / HTTP/1.1", "Host: h", " more", ""], "400"),
        (["GET / HTTP/1.1", "Host", ""], "400"),
        (["GET / HTTP/1.1", "Host: a\0b", ""], "400"),
        (["GET / HTTP/1.1", "Host: a\rb", ""], "400"),
        (["GET / HTTP/1.1", "Host: h"], "400"),
        (["GET / HTTP/1.1", "Content-Length: 1", "content-length: 1", ""], "400"),
        (["GET / HTTP/1.1", "Transfer-Encoding: gzip", ""], "501"),
        (["GET /" + "a" * 70_000 + " HTTP/1.1", ""], "414"),
        (["GET / HTTP/1.1", "A: " + "a" * 70_000, ""], "431"),
        (["GET / HTTP/1.1", *(["A: a"] * 101), ""], "431"),
    ],
    ids=lambda value: value if isinstance(value, str) else value[-2][:20] if len(value) > 1 else "cut",
)
def test_what_is_malformed_is_refused(lines: list[str], status: str) -> None:
    with pytest.raises(BadRequest) as refused:
        head_of(*lines)
    assert refused.value.status.startswith(status)
