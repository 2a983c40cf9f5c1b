"""One client asks a server by its address and a SageMaker endpoint by its name, and gets the same answers."""

import io
import json
import socket
import threading

import boto3
import numpy as np
import pytest
from botocore.config import Config
from botocore.response import StreamingBody
from werkzeug.wrappers import Response

from pipeline.errors import CredentialsError, UsageError
from pipeline.serving.application import Application
from pipeline.serving.client import IMAGES_A_REQUEST, ask_model
from pipeline.serving.server import bound_socket, serving
from pipeline.serving.transports import AskingFailed, Endpoint, Server
from tests.pipeline.predicting.tiny_model import expected_probabilities
from tests.pipeline.serving.half_plus_three import PIXELS

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
    with pytest.raises(AskingFailed, match=r"expected the shape \[\?,28,28\]\. Received: \[1,3,3\]"):
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
    with pytest.raises(AskingFailed, match="Asking somebody: expected a list of predictions"):
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
    with pytest.raises(UsageError, match="expected an address such as"):
        Server.at(url, "fashion-mnist")


def test_nobody_there_is_told_with_a_remedy():
    with bound_socket("127.0.0.1", 0) as free:
        port = free.getsockname()[1]
    with pytest.raises(AskingFailed, match=r"refused.*Start one with: python -m pipeline serve"):
        ask_model(Server.at(f"http://127.0.0.1:{port}", "fashion-mnist"), IMAGES[:1], 10)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"no HTTP at all\r\n\r\n", "expected"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", "status 302"),
        (b"HTTP/1.1 502 Bad\r\nContent-Length: 9\r\n\r\nwrong\x1b[2J", "status 502: wrong"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{", "Asking http"),
    ],
)
def test_what_is_no_answer_is_told(answer, message):
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve_once():
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(answer)

        thread = threading.Thread(target=serve_once)
        thread.start()
        transport = Server.at(f"http://127.0.0.1:{server.getsockname()[1]}", "fashion-mnist")
        with pytest.raises(AskingFailed) as error:
            ask_model(transport, IMAGES[:1], 10)
        thread.join()
    assert message in str(error.value)
    assert "\x1b" not in str(error.value)


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
