"""Whatever a client sends, it gets an answer in JSON that is no fault of the server's, and the server goes on."""

from __future__ import annotations

import functools
import gzip
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.test import Client

from pipeline.inference.serving.application import Application
from pipeline.printable import printable
from tests.pipeline.inference.serving.half_plus_three import HalfPlusThree
from tests.pipeline.inference.serving.test_server import Served, open_served

NAME = "half_plus_three"
PREDICT = f"/v1/models/{NAME}:predict"

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.just(10**400)
    | st.just(1e308)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
)
REQUESTS = st.fixed_dictionaries(
    {},
    optional={
        "instances": VALUES | st.lists(st.floats(), max_size=4),
        "inputs": VALUES,
        "signature_name": VALUES | st.just("serving_default"),
    },
)
JSON_BODIES = (REQUESTS | VALUES).map(lambda value: json.dumps(value).encode())


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """JSON, and JSON that was cut, joined or changed; JSON lines; bytes."""
    body = draw(JSON_BODIES | st.binary(max_size=40) | st.lists(JSON_BODIES, max_size=3).map(b"\n".join))
    at = draw(st.integers(0, len(body)))
    return draw(
        st.sampled_from(
            [body, body[:at], body[:at] + b"\0" + body[at:], body[at:] + body, gzip.compress(body)]
        )
    )


HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "Content-Type": st.sampled_from(
            ["application/json", "application/jsonlines", "text/csv", "image/png", ""]
        ),
        "Content-Encoding": st.sampled_from(["gzip", "x-gzip", "br", ""]),
        "Accept": st.sampled_from(["application/jsonlines", "text/plain, application/json", "*/*", ",,", ""]),
        "X-Amzn-SageMaker-Custom-Attributes": st.sampled_from(
            ["tfs-model-version=123", "tfs-method=", "=,=", "tfs-=a=b"]
        ),
        "Host": st.sampled_from(["localhost", "a.example", "[::1", ""]),
    },
)
PATHS = st.sampled_from([PREDICT, "/invocations", f"/v1/models/{NAME}/metadata", "/ping"]) | st.text(
    max_size=20
).map(lambda text: f"/{text}")


@functools.cache
def client() -> tuple[Client, list[str]]:
    faults: list[str] = []
    return Client(Application(HalfPlusThree(), NAME, 123, faults.append)), faults


@given(st.sampled_from(["POST", "GET", "PUT"]), PATHS, bodies(), HEADERS)
def test_every_request_is_answered_and_none_is_a_fault(
    method: str, path: str, body: bytes, headers: dict[str, Any]
) -> None:
    asking, faults = client()
    answer = asking.open(path, method=method, data=body, headers=headers)
    assert answer.status_code < 500
    assert faults == []
    if path != "/ping" or answer.status_code != 200:
        document = json.loads(answer.get_data())
        assert answer.status_code == 200 or set(document) == {"error"}


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with open_served(HalfPlusThree()) as served:
        yield served


REQUEST = (
    f"POST {PREDICT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 20\r\n\r\n".encode()
    + b'{"instances": [1.0]}'
)


@st.composite
def raw_requests(draw: st.DrawFn) -> bytes:
    """A valid request with some of its bytes changed, cut out, or put in."""
    content = bytearray(REQUEST)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(content)))
        piece = draw(
            st.sampled_from([b"\r\n", b"\0", b":", b" ", b"\xff", b"//[", b"%"]) | st.binary(max_size=4)
        )
        content[at : at + draw(st.integers(0, 6))] = piece
    return bytes(content)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(raw_requests())
def test_bytes_that_are_nearly_a_request_end_in_no_traceback(
    served: Served, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture, content: bytes
) -> None:
    with caplog.at_level(logging.ERROR):
        served.raw(content)
        assert served.ask("GET", "/ping")[0] == 200
    assert "Traceback" not in "".join(capfd.readouterr())
    assert not caplog.records
    assert served.faults == []
    assert all(line == printable(line) for line in served.lines)
