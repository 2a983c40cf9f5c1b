"""One client asks a server by its address and a SageMaker endpoint by its name, and gets the same answers."""

import base64
import io
import json
import socket
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import replace

import boto3
import numpy as np
import pytest
from botocore.config import Config
from botocore.response import StreamingBody
from PIL import Image
from werkzeug.wrappers import Response

from pipeline.errors import AwsError, CredentialsError, UsageError
from pipeline.inference.serving.application import Application
from pipeline.inference.serving.client import IMAGES_A_REQUEST, ask_model
from pipeline.inference.serving.http_server import MAX_ANSWER_BYTES
from pipeline.inference.serving.server import bound_socket, serving
from pipeline.inference.serving.transports import AskingFailed, Endpoint, Server
from pipeline.targets.aws.aws_errors import translate_errors
from tests.pipeline.inference.predicting.tiny_model import expected_probabilities
from tests.pipeline.inference.serving.half_plus_three import PIXELS

IMAGES = np.random.default_rng(0).integers(0, 256, (IMAGES_A_REQUEST + 7, 28, 28), dtype=np.uint8)


class Bands:
    """The model that can be reckoned by hand, without TensorFlow."""

    def __init__(self):
        self.signatures = {"serving_default": PIXELS}
        self.signature_def = {}
        self.batches = []

    def call(self, signature, inputs):
        self.batches.append(len(inputs["images"]))
        found = expected_probabilities(inputs["images"]).astype(np.float32)
        return {"probabilities": found, "class_id": found.argmax(axis=1)}


class AtSageMaker:
    """The container behind the path that SageMaker's runtime has for it."""

    def __init__(self, container):
        self.container = container

    def __call__(self, environ, start_response):
        assert environ["PATH_INFO"] == "/endpoints/shirts/invocations"
        response = Response.from_app(self.container, {**environ, "PATH_INFO": "/invocations"})
        if response.status_code == 200:
            return response(environ, start_response)
        # What the API reference says of the container's errors (InvokeEndpoint, ModelError).
        told = {
            "OriginalStatusCode": response.status_code,
            "OriginalMessage": response.get_data(as_text=True),
        }
        headers = {"x-amzn-errortype": "ModelError", "Content-Type": "application/json"}
        return Response(json.dumps(told), 424, headers)(environ, start_response)


@pytest.fixture(params=["server", "endpoint"])
def asked(request):
    """The model and a transport to it: over HTTP on loopback either way."""
    model = Bands()
    application = Application(model, "fashion-mnist", 1, print)
    of_endpoint = request.param == "endpoint"
    with bound_socket("127.0.0.1", 0) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        with serving(listening, AtSageMaker(application) if of_endpoint else application):
            if not of_endpoint:
                yield model, Server.at(url, "fashion-mnist")
                return
            client = boto3.client(
                "sagemaker-runtime", endpoint_url=url, region_name="us-east-1", aws_access_key_id="x",
                aws_secret_access_key="x", config=Config(proxies={}, retries={"total_max_attempts": 1}),
            )  # fmt: skip
            yield model, Endpoint(client, "shirts")
            client.close()


def test_a_server_and_an_endpoint_give_the_same_probabilities(asked):
    model, transport = asked
    found = ask_model(transport, IMAGES, 10)
    assert np.abs(found - expected_probabilities(IMAGES)).max() < 1e-6
    assert model.batches == [IMAGES_A_REQUEST, 7]


def test_a_request_fits_into_what_a_serverless_endpoint_takes(asked):
    model, transport = asked
    ask_model(transport, np.full((IMAGES_A_REQUEST, 28, 28), 255, np.uint8), 10)
    assert IMAGES_A_REQUEST * 28 * 28 * len("255,") < 4_000_000
    assert model.batches == [IMAGES_A_REQUEST]


def test_an_error_of_the_model_is_shown(asked):
    _, transport = asked
    with pytest.raises(AskingFailed, match=r"must have the shape \[\?,28,28\], not \[1,3,3\]"):
        ask_model(transport, np.zeros((1, 3, 3), np.uint8), 10)


def test_another_number_of_classes_is_refused(asked):
    _, transport = asked
    with pytest.raises(AskingFailed, match=r"the shape \(1, 10\) instead of \(1, 7\)"):
        ask_model(transport, IMAGES[:1], 7)


class Saying:
    """A transport that always gives the same answer."""

    name = "somebody"

    def __init__(self, answer):
        self.answer = answer

    def ask(self, body):
        return self.answer


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"<html>",
        b"[]",
        b'{"predictions": 5}',
        b'{"predictions": [[0.5]]}',
        b'{"predictions": [{"class_id": 1}]}',
        b'{"outputs": {}}',
        b'{"predictions": [{"probabilities": ["a"]}]}',
        b'{"predictions": [{"probabilities": [0.5, NaN]}]}',
        b'{"predictions": [{"probabilities": [0.5]}]}',
        b'{"predictions": []}',
        b"[" * 100_000,
    ],
)
def test_an_answer_that_is_no_prediction_is_refused(answer):
    with pytest.raises(AskingFailed, match="answer of somebody is not a list of predictions"):
        ask_model(Saying(answer), IMAGES[:1], 2)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:8501", "http://127.0.0.1:8501/v1/models/fashion-mnist:predict"),
        ("https://host/", "https://host/v1/models/fashion-mnist:predict"),
        ("http://[::1]:1/v1/models/x/versions/2:predict", "http://[::1]:1/v1/models/x/versions/2:predict"),
        ("http://host/invocations", "http://host/invocations"),
    ],
)
def test_an_address_without_a_path_gets_the_models(url, expected):
    assert Server.at(url, "fashion-mnist").url == expected


@pytest.mark.parametrize(
    "url", ["", "127.0.0.1:8501", "ftp://host", "file:///etc/passwd", "http://", "http://a:x", "http://a b"]
)
def test_what_is_no_address_is_refused(url):
    with pytest.raises(UsageError, match="must be one such as"):
        Server.at(url, "fashion-mnist")


def test_nobody_there_is_told_with_a_remedy():
    with bound_socket("127.0.0.1", 0) as free:
        port = free.getsockname()[1]
    with pytest.raises(AskingFailed, match=r"refused.*Start one with: python -m pipeline serve"):
        ask_model(Server.at(f"http://127.0.0.1:{port}", "fashion-mnist"), IMAGES[:1], 10)


@contextmanager
def answering(*pieces, pause=0.0):
    """The port of a server that gives one client these bytes, pausing before each piece; and what it was sent."""
    received: list[bytes] = []

    def serve_once():
        connection, _ = server.accept()
        with connection, suppress(OSError):
            connection.settimeout(20)
            received.append(connection.recv(65536))
            for piece in pieces:
                time.sleep(pause)
                connection.sendall(piece)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):
                pass

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve_once)
        thread.start()
        yield server.getsockname()[1], received
        thread.join()


def head(status, *lines):
    return "\r\n".join([f"HTTP/1.1 {status}", *lines, "", ""]).encode()


HTML = b"<!doctype html><html><head><title>502 Bad Gateway</title></head><body>...</body></html>"


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"no HTTP at all\r\n\r\n", "the answer is not HTTP"),
        (b"", "Remote end closed connection without response"),
        (
            head("302 Found", "Location: http://me:secret@127.0.0.1:1/", "Content-Length: 0"),
            "a redirection (status 302) to http://…@127.0.0.1:1/, which is not followed",
        ),
        (head("301 Moved", "Content-Length: 0"), "a redirection (status 301) to nowhere"),
        (head("502 Bad", "Content-Length: 9") + b"wrong\x1b[2J", "status 502: wrong"),
        (head("502 Bad") + HTML, "status 502: a web page, “502 Bad Gateway”."),
        (head("200 OK") + HTML, ": a web page, “502 Bad Gateway”. Is it a model"),
        (head("200 OK", "Content-Length: 0"), ": nothing. Is it a model"),
        (head("200 OK", "Content-Length: 900") + b"{", "cut off after 1 of 900 bytes"),
        (head("200 OK", "Transfer-Encoding: chunked") + b"5\r\n{", "IncompleteRead"),
        (head("200 OK", "Transfer-Encoding: chunked") + b"zz\r\n{", "the answer is not HTTP: IncompleteRead"),
        (head("200 OK") + b'{"predictions": [', ': {"predictions": [. Is it a model'),
        (head("200 OK") + b'{"predictions": [{"probabilities": [1' + b"0" * 400 + b"]}]}", "Is it a model"),
        (head("200 OK", "X: " + "y" * 70_000), "LineTooLong"),
        (head("200 OK") + b" " * (MAX_ANSWER_BYTES + 1), "more than 8,388,608 bytes."),
    ],
)
def test_what_is_no_answer_is_told(answer, message):
    with answering(answer) as (port, _), pytest.raises(AskingFailed) as error:
        ask_model(Server.at(f"http://127.0.0.1:{port}", "fashion-mnist"), IMAGES[:1], 10)
    assert message in str(error.value)
    assert "\x1b" not in str(error.value)
    assert "secret" not in str(error.value)
    assert len(str(error.value)) < 900


@pytest.mark.parametrize("begin", [b"", head("200 OK"), head("200 OK", "Content-Length: 50")])
def test_an_answer_that_trickles_in_is_waited_for_no_longer(begin):
    with answering(begin, *[b" "] * 40, pause=0.1) as (port, _):
        started = time.monotonic()
        server = replace(Server.at(f"http://127.0.0.1:{port}", "fashion-mnist"), seconds=0.5)
        with pytest.raises(AskingFailed, match=r"no answer, or only a part of one, within 0\.5 s\."):
            ask_model(server, IMAGES[:1], 10)
        assert time.monotonic() - started < 3


def test_user_and_password_of_an_address_are_sent_and_never_shown(capsys, tmp_path, monkeypatch):
    from pipeline.cli.main import main

    monkeypatch.setenv("FASHION_HOME", str(tmp_path / "home"))
    Image.fromarray(IMAGES[0]).save(tmp_path / "a.png")
    body = json.dumps({"predictions": [{"probabilities": [0.1] * 10}]}).encode()
    for answer, status in ((head("200 OK") + body, 0), (head("401 No") + b"{}", 1)):
        with answering(answer) as (port, received):
            url = f"http://me:s%40crét@127.0.0.1:{port}/a b".replace(" b", "%20é")
            assert main(["invoke", str(tmp_path / "a.png"), "--url", url, "--json"]) == status
        sent = received[0].decode().splitlines()
        assert sent[0] == "POST /a%20%C3%A9 HTTP/1.1"
        assert f"Host: 127.0.0.1:{port}" in sent
        assert f"Authorization: Basic {base64.b64encode('me:s@crét'.encode()).decode()}" in sent
        said = "".join(capsys.readouterr())
        assert f"http://127.0.0.1:{port}/a" in said
        assert "cr" + "ét" not in said


@pytest.mark.parametrize(
    "url", ["http://me:secret@", "http://me:sec ret@host", "me:secret@host", "http://me:secret@a:x"]
)
def test_an_address_that_is_none_is_shown_without_its_password(url):
    with pytest.raises(UsageError) as error:
        Server.at(url, "fashion-mnist")
    assert "sec" not in str(error.value)
    assert "…@" in str(error.value)


def test_a_web_page_in_the_place_of_aws_is_told(monkeypatch):
    with answering(head("200 OK", "Content-Type: text/html", f"Content-Length: {len(HTML)}") + HTML) as (
        port,
        _,
    ):
        client = boto3.client(
            "cloudformation", endpoint_url=f"http://127.0.0.1:{port}", region_name="us-east-1",
            aws_access_key_id="x", aws_secret_access_key="x",
            config=Config(proxies={}, retries={"total_max_attempts": 1}),
        )  # fmt: skip
        with (
            pytest.raises(AwsError, match=r"Looking: the answer is not one of AWS's: .*AWS_ENDPOINT_URL"),
            translate_errors("Looking"),
        ):
            client.describe_stacks()
        client.close()


RUNTIME = "sagemaker-runtime"


def test_the_endpoint_is_asked_for_json(stubbed):
    body = json.dumps({"predictions": [{"probabilities": [0.25, 0.75], "class_id": 1}]}).encode()
    stubbed.on(
        RUNTIME, "invoke_endpoint", {"Body": StreamingBody(io.BytesIO(body), len(body))},
        EndpointName="shirts", ContentType="application/json", Accept="application/json",
        Body=json.dumps({"instances": IMAGES[:1].tolist()}, separators=(",", ":")).encode(),
    )  # fmt: skip
    found = ask_model(Endpoint(stubbed.client(RUNTIME), "shirts"), IMAGES[:1], 2)
    assert found.tolist() == [[0.25, 0.75]]


@pytest.mark.parametrize(
    ("code", "said", "error", "message"),
    [
        (
            "ValidationError",
            "Endpoint shirts of account 1 not found.",
            AskingFailed,
            r"list-endpoints.*--endpoint; .* make one, which costs money, with: python -m pipeline deploy$",
        ),
        (
            "ModelError",
            "Received client error (400)",
            AskingFailed,
            "log group /aws/sagemaker/Endpoints/shirts",
        ),
        ("ModelNotReadyException", "still loading", AskingFailed, "Ask again in a minute"),
        ("ExpiredTokenException", "expired", CredentialsError, "Sign in"),
    ],
)
def test_an_endpoint_that_does_not_answer_is_told_with_a_remedy(code, said, error, message, stubbed):
    stubbed.fails(RUNTIME, "invoke_endpoint", code, said)
    with pytest.raises(error, match=message):
        ask_model(Endpoint(stubbed.client(RUNTIME), "shirts"), IMAGES[:1], 10)


def test_more_classes_than_there_are_is_refused_before_anything_is_asked(
    capsys: pytest.CaptureFixture[str],
) -> None:
    from pipeline.cli.main import main

    assert main(["invoke", "no-such.png", "--url", "http://127.0.0.1:9", "--top", "11"]) == 2
    assert "--top 11: the model has 10 classes. Show 10 or fewer." in capsys.readouterr().err
