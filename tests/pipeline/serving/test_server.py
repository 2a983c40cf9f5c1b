"""Over HTTP on loopback: the documentation's examples, what is refused with which status, many requests at once."""

import http.client
import json
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from pipeline.errors import UsageError
from pipeline.serving.application import MAX_AT_ONCE, MAX_BODY_BYTES, Application
from pipeline.serving.server import bound_socket, serving
from tests.pipeline.serving.half_plus_three import HalfPlusThree

NAME = "half_plus_three"
PREDICT = f"/v1/models/{NAME}:predict"
DOCUMENTED_STATUS = {
    "model_version_status": [
        {"version": "123", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
    ]
}


class Slow(HalfPlusThree):
    """Takes its time, and counts how many ask at once."""

    def __init__(self, seconds):
        super().__init__()
        self.seconds, self.now, self.most, self.lock = seconds, 0, 0, threading.Lock()

    def call(self, signature, inputs):
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
        time.sleep(self.seconds)
        with self.lock:
            self.now -= 1
        return super().call(signature, inputs)


class Failing(HalfPlusThree):
    def call(self, signature, inputs):
        raise MemoryError("no more")


class Served:
    """A served model; `lines` are the requests that were told, `faults` the server's own."""

    def __init__(self, model, listening, lines, faults, application):
        self.model, self.lines, self.faults, self.application = model, lines, faults, application
        self.host, self.port = listening.getsockname()[:2]

    def ask(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection(self.host, self.port, timeout=30)
        try:
            connection.request(method, path, body, headers or {}, encode_chunked=bool(headers))
            answer = connection.getresponse()
            content = answer.read()
            kind = answer.headers.get("Content-Type")
        finally:
            connection.close()
        if kind == "application/json":
            return answer.status, json.loads(content)
        return answer.status, content

    def raw(self, content):
        """The answer to these very bytes."""
        with socket.create_connection((self.host, self.port), timeout=30) as connection:
            connection.sendall(content)
            connection.shutdown(socket.SHUT_WR)
            received = b""
            while part := connection.recv(65536):
                received += part
        return received


@pytest.fixture
def served():
    with open_served(HalfPlusThree()) as served:
        yield served


class open_served:  # noqa: N801
    def __init__(self, model):
        self.model = model

    def __enter__(self):
        lines: list[str] = []
        faults: list[str] = []
        application = Application(self.model, NAME, 123, faults.append)
        self.listening = bound_socket("127.0.0.1", 0)
        self.server = serving(self.listening, application, lines.append)
        self.server.__enter__()
        return Served(self.model, self.listening, lines, faults, application)

    def __exit__(self, *exc_info):
        self.server.__exit__(*exc_info)
        self.listening.close()


def test_the_documented_examples_are_answered_as_documented(served):
    assert served.ask("GET", f"/v1/models/{NAME}") == (200, DOCUMENTED_STATUS)
    assert served.ask("POST", PREDICT, '{"instances": [1.0,2.0,5.0]}') == (
        200,
        {"predictions": [3.5, 4.0, 5.5]},
    )
    assert served.ask("POST", "/v1/models/half:predict", '{"instances": [1.0,5.0]}') == (
        404,
        {"error": "Servable not found for request: Latest(half)"},
    )


def test_a_version_may_be_named(served):
    body = '{"inputs": [1.0]}'
    assert served.ask("POST", f"/v1/models/{NAME}/versions/123:predict", body) == (200, {"outputs": [3.5]})
    assert served.ask("GET", f"/v1/models/{NAME}/versions/123") == (200, DOCUMENTED_STATUS)
    missing = (404, {"error": f"Servable not found for request: Specific({NAME}, 7)"})
    assert served.ask("POST", f"/v1/models/{NAME}/versions/7:predict", body) == missing
    assert served.ask("GET", f"/v1/models/{NAME}/versions/7") == missing


def test_a_sagemaker_containers_paths_are_answered(served):
    assert served.ask("GET", "/ping") == (200, b"")
    kind = {"Content-Type": "application/json"}
    for body in ('{"instances": [1.0, 2.0]}', "1.0\n2.0"):
        expected = [3.5, 4.0] if "instances" in body else None
        status, answer = served.ask("POST", "/invocations", body, kind)
        assert (status, answer.get("predictions")) == ((200, expected) if expected else (400, None))
    assert served.ask("POST", "/invocations", "1.0", kind) == (200, {"predictions": [3.5]})
    lines = {"Content-Type": "application/jsonlines"}
    assert served.ask("POST", "/invocations", '{"x": 1.0}\n{"x": 2.0}\n', lines) == (
        200,
        {"predictions": [3.5, 4.0]},
    )
    table = {"Content-Type": "text/csv"}
    assert served.ask("POST", "/invocations", "1.0\n2.0\n", table) == (200, {"predictions": [3.5, 4.0]})
    status, answer = served.ask("POST", "/invocations", "1.0,2.0\n", table)
    assert (status, answer) == (400, {"error": "Input 'x': expected the shape [?]. Received: [1,2]"})
    status, answer = served.ask("POST", "/invocations", "a picture", {"Content-Type": "image/png"})
    assert (status, answer) == (415, {"error": "Unsupported Media Type: image/png"})
    assert served.ask("GET", "/invocations")[0] == 405


@pytest.mark.parametrize(
    ("method", "path", "status", "message"),
    [
        ("GET", "/", 404, "Not Found"),
        ("GET", "/v1/models", 400, "Malformed request: GET /v1/models"),
        ("GET", PREDICT, 400, "Malformed request: GET"),
        ("DELETE", f"/v1/models/{NAME}", 400, "Malformed request: DELETE"),
        ("POST", f"/v1/models/{NAME}:classify", 400, "classify"),
        ("POST", f"/v1/models/{NAME}:predict/", 400, "Malformed request"),
        ("POST", "/ping", 405, "Expected GET"),
        ("GET", "/../../etc/passwd", 404, "Not Found"),
    ],
)
def test_other_paths_and_methods_are_refused(method, path, status, message, served):
    found, answer = served.ask(method, path, "{}" if method == "POST" else None)
    assert found == status
    assert message in answer["error"]


@pytest.mark.parametrize("body", ["", "{", "null", "\xff\xfe", '{"instances": "1"}', "[" * 200_000])
def test_a_malformed_body_is_refused_and_the_server_goes_on(body, served):
    status, answer = served.ask("POST", PREDICT, body.encode("latin-1"))
    assert status == 400
    assert set(answer) == {"error"}
    assert served.ask("POST", PREDICT, '{"instances": [1]}') == (200, {"predictions": [3.5]})
    assert served.faults == []


def test_a_body_above_the_limit_is_refused_and_one_at_the_limit_is_not(served):
    text = '{"instances": [1.0]}'
    assert served.ask("POST", PREDICT, text + " " * (MAX_BODY_BYTES - len(text)))[0] == 200
    status, answer = served.ask("POST", PREDICT, text + " " * (MAX_BODY_BYTES - len(text) + 1))
    assert (status, answer) == (413, {"error": f"The request body is larger than {MAX_BODY_BYTES} bytes"})
    assert served.ask("POST", PREDICT, text)[0] == 200


def test_a_body_in_chunks_is_taken_up_to_the_limit(served):
    def chunks(size):
        yield b'{"instances": [1.0]}'
        for _ in range(size >> 16):
            yield b" " * (1 << 16)

    chunked = {"Transfer-Encoding": "chunked"}
    assert served.ask("POST", PREDICT, chunks(1 << 20), chunked)[0] == 200
    assert served.ask("POST", PREDICT, chunks(MAX_BODY_BYTES + (1 << 17)), chunked)[0] == 413


def test_a_body_that_is_shorter_than_announced_is_refused(served):
    request = f"POST {PREDICT} HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\n" + '{"instances": [1.0]}'
    assert b" 400 " in served.raw(request.encode()).splitlines()[0]
    assert served.ask("GET", "/ping")[0] == 200


@pytest.mark.parametrize("length", ["-5", "many", str(10**30)])
def test_a_length_that_is_none_is_refused(length, served):
    request = f"POST {PREDICT} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n" + "{}"
    status = served.raw(request.encode()).split(b" ", 2)[1]
    assert status in (b"400", b"413")
    assert served.ask("GET", "/ping")[0] == 200


def test_what_is_no_http_is_refused_and_shown_nowhere(served):
    assert b"400" in served.raw(b"\x16\x03\x01\x02\x00\x01\x00 \x1b[2J\r\n\r\n")
    assert served.ask("GET", "/ping\x1b[2J".replace("\x1b", "%1B"))[0] == 404
    assert not any("\x1b" in line for line in served.lines)


def test_a_fault_of_the_model_is_status_500_and_told_to_whoever_runs_the_server():
    with open_served(Failing()) as served:
        status, answer = served.ask("POST", PREDICT, '{"instances": [1.0]}')
        assert (status, answer) == (500, {"error": "Internal error; the server's own output says more"})
        assert served.faults == [f"Answering POST {PREDICT}: MemoryError: no more"]
        assert served.ask("GET", "/ping")[0] == 200


def test_many_requests_at_once_each_get_their_own_answer():
    model = Slow(0.02)
    with open_served(model) as served, ThreadPoolExecutor(24) as pool:

        def ask(number):
            return served.ask("POST", PREDICT, json.dumps({"instances": [number, number + 0.5]}))

        answers = list(pool.map(ask, range(96)))
    assert answers == [(200, {"predictions": [n / 2 + 3, n / 2 + 3.25]}) for n in range(96)]
    assert 1 < model.most <= MAX_AT_ONCE


def test_a_request_that_is_being_answered_is_finished_before_the_end():
    with open_served(Slow(1.0)) as served, ThreadPoolExecutor(1) as pool:
        asked = pool.submit(served.ask, "POST", PREDICT, '{"instances": [1.0]}')
        deadline = time.monotonic() + 10
        while served.model.now == 0 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert not served.application.drain(0.05)
        assert served.application.drain(10)
        assert asked.result(10) == (200, {"predictions": [3.5]})


def test_a_port_that_is_taken_is_told_before_anything_is_loaded():
    with bound_socket("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            UsageError, match=rf"Listening at 127\.0\.0\.1, port {port}: .* Choose another with --port"
        ):
            bound_socket("127.0.0.1", port)


@pytest.mark.parametrize(
    ("host", "port"), [("127.0.0.1", 65536), ("127.0.0.1", -1), ("192.0.2.1", 0), ("x" * 70, 0)]
)
def test_an_address_that_is_none_of_this_machines_is_refused(host, port):
    with pytest.raises(UsageError, match="Listening at"):
        bound_socket(host, port)


def test_values_come_as_the_model_takes_them(served):
    served.ask("POST", PREDICT, '{"instances": [1, 2.5]}')
    ((signature, inputs),) = served.model.asked
    assert signature == "serving_default"
    assert (inputs["x"].dtype, inputs["x"].tolist()) == (np.float32, [1, 2.5])
