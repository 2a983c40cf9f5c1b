"""Over HTTP on loopback: the documentation's examples, what is refused with which status, many requests at once."""

import gzip
import http.client
import json
import socket
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import ClassVar

import numpy as np
import pytest

from pipeline.errors import UsageError
from pipeline.inference.serving.application import MAX_AT_ONCE, Application
from pipeline.inference.serving.request_body import MAX_BODY_BYTES
from pipeline.inference.serving.server import bound_socket, let_nobody_new_in, serving
from tests.pipeline.inference.serving.half_plus_three import HalfPlusThree

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

    def __init__(self, model, listening, lines, faults, server):
        self.model, self.lines, self.faults, self.server = model, lines, faults, server
        self.host, self.port = listening.getsockname()[:2]

    def ask(self, method, path, body=None, headers=None):
        status, kind, content = self.whole(method, path, body, headers)
        return status, json.loads(content) if kind == "application/json" else content

    def whole(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection(self.host, self.port, timeout=30)
        try:
            connection.request(
                method, path, body, headers or {}, encode_chunked="Transfer-Encoding" in (headers or {})
            )
            answer = connection.getresponse()
            return answer.status, answer.headers.get("Content-Type"), answer.read()
        finally:
            connection.close()

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
    def __init__(self, model, witness=None):
        self.model, self.witness = model, witness

    def __enter__(self):
        lines: list[str] = []
        faults: list[str] = []
        application = Application(self.model, NAME, 123, faults.append, witness=self.witness)
        listening = bound_socket("127.0.0.1", 0)
        self.serving = serving(listening, application, lines.append)
        return Served(self.model, listening, lines, faults, self.serving.__enter__())

    def __exit__(self, *exc_info):
        self.serving.__exit__(*exc_info)


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


def test_predictions_alone_are_told_as_they_went_over_the_line():
    told = []
    body = b'{"instances": [1.0]}'
    with open_served(HalfPlusThree(), lambda *exchange: told.append(exchange)) as served:
        # To :predict the type says nothing, so that forms of curl's own are JSON as well.
        served.ask("POST", PREDICT, gzip.compress(body), {"Content-Encoding": "gzip", "Content-Type": "a/b"})
        served.ask(
            "POST", "/invocations", b"1.0\n", {"Content-Type": "text/csv", "Accept": "application/json"}
        )
        served.ask("POST", "/invocations", b"{", {"Content-Type": "application/json"})
        served.ask("POST", "/invocations", b"1", {"Content-Type": "image/png"})
        served.ask("GET", "/ping")
    assert [(request, kind) for request, kind, _, _ in told] == [
        (body, "application/json"),
        (b"1.0\n", "text/csv"),
    ]
    assert [(json.loads(answer), kind) for _, _, answer, kind in told] == [
        ({"predictions": [3.5]}, "application/json")
    ] * 2
    assert b"\n" not in told[1][2]


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
    assert (status, answer) == (400, {"error": "Input 'x' must have the shape [?], not [1,2]"})
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
        ("POST", "/ping", 405, "must be GET"),
        ("GET", "/../../etc/passwd", 404, "Not Found"),
        (
            "POST",
            f"/v1/models/{NAME}/labels/stable:predict",
            400,
            "Unrecognized servable version label: stable",
        ),
        (
            "GET",
            f"/v1/models/{NAME}/labels/stable/metadata",
            400,
            "Unrecognized servable version label: stable",
        ),
        ("GET", f"/v1/models/{NAME}/versions/7/metadata", 404, "Servable not found"),
        ("GET", f"/v1/models/{NAME}/versions/{'9' * 5000}", 404, "Servable not found"),
        ("GET", f"/v1/models/{NAME}/versions/%D9%A1%D9%A2%D9%A3", 400, "Malformed request"),
        ("GET", "//[", 404, "Not Found"),
    ],
)
def test_other_paths_and_methods_are_refused(method, path, status, message, served):
    found, answer = served.ask(method, path, "{}" if method == "POST" else None)
    assert found == status
    assert message in answer["error"]


def test_an_address_that_is_none_is_refused_in_a_line(served, capfd):
    for address in ("http://[x/", "//[", "http://127.0.0.1:x/ping"):
        status = served.raw(f"GET {address} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()).split(b" ", 2)[1]
        assert status in (b"400", b"403", b"404"), address
    assert served.ask("GET", "/ping")[0] == 200
    assert "Traceback" not in capfd.readouterr().err


def test_the_metadata_are_tensorflow_servings(served):
    document = {
        "model_spec": {"name": NAME, "signature_name": "", "version": "123"},
        "metadata": {"signature_def": {"signature_def": served.model.signature_def}},
    }
    assert served.ask("GET", f"/v1/models/{NAME}/metadata") == (200, document)
    assert served.ask("GET", f"/v1/models/{NAME}/versions/123/metadata") == (200, document)


def test_a_label_changes_nothing_of_the_status(served):
    assert served.ask("GET", f"/v1/models/{NAME}/labels/any") == (200, DOCUMENTED_STATUS)


class TestGzip:
    BODY = b'{"instances": [1.0]}'

    @pytest.mark.parametrize("coding", ["gzip", "x-gzip"])
    def test_a_gzipped_body_is_inflated(self, coding, served):
        kind = {"Content-Encoding": coding}
        for body in (gzip.compress(self.BODY), gzip.compress(self.BODY[:9]) + gzip.compress(self.BODY[9:])):
            assert served.ask("POST", PREDICT, body, kind) == (200, {"predictions": [3.5]})

    @pytest.mark.parametrize(
        "body",
        [BODY, b"", gzip.compress(BODY)[:-9], gzip.compress(BODY) + b"more"],
        # The bytes hold the time they were made at, and tests that run in several processes need equal names.
        ids=["not gzipped", "empty", "cut off", "followed by more"],
    )
    def test_damaged_gzip_data_are_no_document(self, body, served):
        answer = (400, {"error": "JSON Parse error: The document is empty"})
        assert served.ask("POST", PREDICT, body, {"Content-Encoding": "gzip"}) == answer

    def test_what_unpacks_to_too_much_is_refused(self, served):
        for size, status in ((MAX_BODY_BYTES, 200), (MAX_BODY_BYTES + 1, 413), (64 << 20, 413)):
            body = gzip.compress(self.BODY.ljust(size))
            assert served.ask("POST", PREDICT, body, {"Content-Encoding": "gzip"})[0] == status

    def test_the_container_inflates_nothing(self, served):
        kind = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
        status, answer = served.ask("POST", "/invocations", gzip.compress(self.BODY), kind)
        assert status == 400
        assert "SageMaker's TensorFlow container inflates none" in answer["error"]


class TestInvocations:
    BODY = '{"instances": [1.0, 2.0]}'
    JSON: ClassVar = {"Content-Type": "application/json"}

    def invoke(self, served, body=BODY, **headers):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return served.whole("POST", "/invocations", body, {**self.JSON, **named})

    @pytest.mark.parametrize(
        ("accept", "kind"),
        [
            ("application/jsonlines", "application/jsonlines"),
            ("application/json", "application/json"),
            ("text/plain, application/jsonlines", "text/plain"),
        ],
    )
    def test_json_is_answered_on_one_line_with_the_first_type_asked_for(self, accept, kind, served):
        status, found, content = self.invoke(served, Accept=accept)
        assert (status, found, json.loads(content)) == (200, kind, {"predictions": [3.5, 4.0]})
        assert b"\n" not in content
        status, found, content = self.invoke(served, "{", Accept=accept)
        assert (status, found, set(json.loads(content))) == (400, kind, {"error"})
        assert b"\n" not in content

    @pytest.mark.parametrize("accept", [None, "*/*", "text/csv", "application/json;q=1"])
    def test_otherwise_the_answer_is_tensorflow_servings(self, accept, served):
        status, kind, content = self.invoke(served, **({} if accept is None else {"Accept": accept}))
        assert (status, kind) == (200, "application/json")
        assert content == served.whole("POST", PREDICT, self.BODY)[2]
        assert b"\n" in content

    @pytest.mark.parametrize(
        "kind",
        [
            "application/json; charset=utf-8",
            "application/json;",
            "Application/JSON",
            "text/csv; header=absent",
        ],
    )
    def test_a_content_type_is_compared_to_the_letter(self, kind, served):
        status, _, content = self.invoke(served, Content_Type=kind)
        assert (status, json.loads(content)) == (415, {"error": f"Unsupported Media Type: {kind}"})

    @pytest.mark.parametrize(
        ("attributes", "status", "error"),
        [
            ("tfs-model-version=123", 200, None),
            (f"trace=7,tfs-model-name={NAME},tfs-model-version=123,tfs-method=predict", 200, None),
            ("tfs-model-version=7", 404, f"Servable not found for request: Specific({NAME}, 7)"),
            ("tfs-model-version=newest", 400, "Malformed request: tfs-model-version=newest"),
            ("tfs-model-name=other", 404, "Servable not found for request: Latest(other)"),
            ("tfs-method=classify", 400, "The verb must be predict, not classify"),
            ("tfs-model-version=7=8, anything", 200, None),
        ],
    )
    def test_the_custom_attributes_name_a_model(self, attributes, status, error, served):
        found, _, content = self.invoke(served, X_Amzn_SageMaker_Custom_Attributes=attributes)
        assert (found, json.loads(content).get("error")) == (status, error)


class TestForeignRequests:
    @pytest.mark.parametrize("path", ["/ping", f"/v1/models/{NAME}", "/elsewhere"])
    @pytest.mark.parametrize(
        "header",
        [{"Host": "rebound.example"}, {"Origin": "http://site.example"}, {"Sec-Fetch-Site": "cross-site"}],
    )
    def test_they_are_answered_nothing(self, header, path, served):
        status, answer = served.ask("GET", path, None, header)
        assert status == 403
        assert set(answer) == {"error"}

    def test_they_do_not_reach_the_model(self, served):
        simple = {"Origin": "http://site.example", "Content-Type": "text/plain"}
        assert served.ask("POST", PREDICT, '{"instances": [1.0]}', simple)[0] == 403
        assert served.model.asked == []

    def test_an_address_within_the_request_is_its_host(self, served):
        request = b"GET http://rebound.example/ping HTTP/1.1\r\nHost: localhost\r\n\r\n"
        assert b" 403 " in served.raw(request).splitlines()[0]


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
    request = (
        f"POST {PREDICT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500\r\n\r\n" + '{"instances": [1.0]}'
    )
    assert b" 400 " in served.raw(request.encode()).splitlines()[0]
    assert served.ask("GET", "/ping")[0] == 200


@pytest.mark.parametrize("length", ["-5", "many", str(10**30)])
def test_a_length_that_is_none_is_refused(length, served):
    request = f"POST {PREDICT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n" + "{}"
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


def wait_until(condition):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_what_was_asked_is_answered_after_the_end_and_nobody_else_is_let_in():
    body = b'{"instances": [1.0]}'
    with ExitStack() as asked:
        with open_served(Slow(0.5)) as served:
            head = f"POST {PREDICT} HTTP/1.1\r\nHost: {served.host}:{served.port}\r\nConnection: close\r\n"
            request = (
                f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
            )
            # All have asked before the end, whenever a thread would have come to it.
            waiting = [
                asked.enter_context(socket.create_connection((served.host, served.port), timeout=30))
                for _ in range(8)
            ]
            for connection in waiting:
                connection.sendall(request)
            wait_until(lambda: served.model.now == MAX_AT_ONCE)
        with pytest.raises(ConnectionRefusedError):
            served.ask("GET", "/ping")
        assert not served.server.drain(0.05)
        assert served.server.drain(30)
        for connection in waiting:
            with connection.makefile("rb") as stream:
                answer = stream.read()
            assert answer.startswith(b"HTTP/1.1 200 ")
            assert json.loads(answer.partition(b"\r\n\r\n")[2]) == {"predictions": [3.5]}


def test_a_connection_that_says_nothing_does_not_hold_up_the_end():
    with open_served(HalfPlusThree()) as served:
        silent = socket.create_connection((served.host, served.port), timeout=30)
        assert served.ask("GET", "/ping")[0] == 200  # accepted later than the silent one
    with silent:
        started = time.monotonic()
        assert served.server.drain(30)
        assert time.monotonic() - started < 10
        assert silent.recv(1) == b""


def test_a_port_that_is_taken_is_told_before_anything_is_loaded():
    with bound_socket("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            UsageError, match=rf"Listening at 127\.0\.0\.1, port {port}: .* Choose another port with --port"
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


@pytest.mark.skipif(sys.platform != "linux", reason="Only Linux lets a socket filter what reaches it.")
def test_a_server_that_ends_answers_who_was_let_in_and_lets_nobody_new_in():
    """One whom the system lets in while the socket is being closed would be hung up on."""
    listening = bound_socket("127.0.0.1", 0)
    address = listening.getsockname()
    with socket.create_connection(address) as waiting:
        let_nobody_new_in(listening)
        with pytest.raises(TimeoutError), socket.create_connection(address, timeout=0.2):
            pass
        waiting.sendall(b"asked")
        listening.settimeout(60)
        accepted, _ = listening.accept()
        with accepted:
            assert accepted.recv(5) == b"asked"
        listening.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address)
