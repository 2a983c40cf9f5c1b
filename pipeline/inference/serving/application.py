"""The WSGI application that answers as TensorFlow Serving's REST API does, and as SageMaker's container around it.

    POST /v1/models/NAME[/versions/V]:predict      https://www.tensorflow.org/tfx/serving/api_rest, "Predict API"
    GET  /v1/models/NAME[/versions/V]              the same page, "Model status API"
    GET  /v1/models/NAME[/versions/V]/metadata     the same page, "Model Metadata API"
    POST /invocations, GET /ping                   https://docs.aws.amazon.com/sagemaker/latest/dg/
                                                   your-algorithms-inference-code.html

/invocations takes what the container takes; see container_rules.py. Errors are {"error": "…"}.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

import numpy.typing as npt
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Request, Response

from pipeline.inference.predicting.saved_model import Signature
from pipeline.inference.serving.container_rules import JSON, addressee, as_accepted, converted
from pipeline.inference.serving.request_body import MAX_BODY_BYTES, inflated, is_gzipped, read_body
from pipeline.inference.serving.rest_format import RequestError, parse_request
from pipeline.inference.serving.rest_response import format_response
from pipeline.loopback_requests import foreign_request, names_of
from pipeline.printable import printable

MAX_AT_ONCE = 4  # requests that compute at once; the others wait
WAIT_SECONDS = 30.0
_MODEL = r"/v1/models/(?P<name>[^/:]+)(?:/versions/(?P<version>\d+)|/labels/(?P<label>[^/:]+))?"
_PREDICT = re.compile(_MODEL + r":(?P<verb>\w+)", re.ASCII)
_ABOUT = re.compile(_MODEL + r"(?P<metadata>/metadata)?", re.ASCII)
_VERSION = re.compile(r"\d+", re.ASCII)
_LOOPBACK = names_of("127.0.0.1")


class Callee(Protocol):
    """A loaded model; see pipeline.inference.predicting.saved_model."""

    @property
    def signatures(self) -> dict[str, Signature]:
        """The signatures by name."""
        ...

    @property
    def signature_def(self) -> Mapping[str, Any]:
        """The signatures by name, as the JSON of TensorFlow's SignatureDef."""
        ...

    def call(self, signature: str, inputs: Any) -> dict[str, npt.NDArray[Any]]:
        """The outputs of a signature."""
        ...


# Told of a request, its type, its answer and that one's type, once it is answered.
Witness = Callable[[bytes, str, bytes, str], None]


class Application:
    """Serves one version of one model. Called from several threads."""

    def __init__(
        self,
        model: Callee,
        name: str,
        version: int,
        report: Callable[[str], None],
        names: frozenset[str] = _LOOPBACK,
        most_bytes: int = MAX_BODY_BYTES,
        witness: Witness | None = None,
    ) -> None:
        """`report` is told of faults of the server itself, which the client sees as status 500.

        `names` are those that the server is called by beside localhost; see pipeline.loopback_requests.
        `most_bytes` is the most that /invocations takes at once. `witness` is told of each prediction.
        """
        self._model = model
        self._name = name
        self._version = version
        self._report = report
        self._names = names
        self._most_bytes = most_bytes
        self._witness = witness
        self._places = threading.BoundedSemaphore(MAX_AT_ONCE)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answers one request (WSGI)."""
        answer: Iterable[bytes] = self._respond(Request(environ))(environ, start_response)
        return answer

    def _respond(self, request: Request) -> Response:
        try:
            foreign = foreign_request(request.environ, self._names)
            if foreign is not None:
                raise RequestError(foreign, 403)
            return self._answer(request)
        except RequestError as error:
            return _error(str(error), error.status)
        except HTTPException as error:
            status = error.code or 500
            if status == 413:
                most = self._most_bytes if request.path == "/invocations" else MAX_BODY_BYTES
                return _error(f"The request body is larger than {most} bytes", status)
            return _error(error.description or error.name, status)
        except Exception as error:
            self._report(
                f"Answering {request.method} {printable(request.path)}: {type(error).__name__}: "
                f"{printable(str(error))}"
            )
            return _error("Internal error; the server's own output says more", 500)

    def _answer(self, request: Request) -> Response:
        if request.path == "/ping":
            _require_method(request, "GET", "HEAD")
            return Response(status=200)
        if request.path == "/invocations":
            _require_method(request, "POST")
            return self._invoked(request)
        predict, about = _PREDICT.fullmatch(request.path), _ABOUT.fullmatch(request.path)
        if predict and request.method == "POST":
            self._require_served(predict["name"], predict["version"], predict["label"])
            _require_predict(predict["verb"])
            body = read_body(request)
            body = inflated(body) if is_gzipped(request) else body
            answer = self._predict(body)
            self._tell(body, JSON, answer, JSON)  # TensorFlow Serving takes any type for JSON
            return Response(answer, mimetype=JSON)
        if about and request.method in ("GET", "HEAD"):
            # TensorFlow Serving's status takes no notice of a label.
            self._require_served(
                about["name"], about["version"], about["label"] if about["metadata"] else None
            )
            return _json(self._metadata() if about["metadata"] else self._status())
        if request.path.startswith("/v1/"):
            raise RequestError(f"Malformed request: {request.method} {printable(request.path)}")
        raise RequestError("Not Found", 404)

    def _invoked(self, request: Request) -> Response:
        """The answer of the container, whose nginx compares headers to the letter and inflates nothing."""
        sent, sent_as = read_body(request, self._most_bytes), request.headers.get("Content-Type", "")
        body = converted(sent, sent_as)
        accept, status = request.headers.get("Accept"), 200
        try:
            if is_gzipped(request):
                raise RequestError(
                    "JSON Parse error: the body is gzipped, and SageMaker's TensorFlow container inflates none. "
                    "Send it plain"
                )
            asked = addressee(request.headers.get("X-Amzn-SageMaker-Custom-Attributes", ""))
            if asked.version is not None and not _VERSION.fullmatch(asked.version):
                raise RequestError(f"Malformed request: tfs-model-version={printable(asked.version)}")
            self._require_served(asked.model or self._name, asked.version)
            _require_predict(asked.verb)
            answer = self._predict(body)
        except RequestError as error:
            answer, status = _error(str(error), error.status).get_data(), error.status
        answer, kind = as_accepted(answer, accept)
        if status == 200:
            self._tell(sent, sent_as, answer, kind)
        return Response(answer, status=status, content_type=kind)

    def _tell(self, request: bytes, request_type: str, answer: bytes, answer_type: str) -> None:
        if self._witness is not None:
            self._witness(request, request_type, answer, answer_type)

    def _predict(self, body: bytes) -> bytes:
        if not self._places.acquire(timeout=WAIT_SECONDS):
            raise RequestError("Too many requests at once; try again later", 503)
        try:
            request = parse_request(body, self._model.signatures)
            outputs = self._model.call(request.signature, request.inputs)
            return format_response(request, outputs)
        finally:
            self._places.release()

    def _status(self) -> dict[str, Any]:
        ok = {"error_code": "OK", "error_message": ""}
        return {"model_version_status": [{"version": str(self._version), "state": "AVAILABLE", "status": ok}]}

    def _metadata(self) -> dict[str, Any]:
        """TensorFlow Serving's GetModelMetadataResponse, where the map lies in a field of its own name."""
        return {
            "model_spec": {"name": self._name, "signature_name": "", "version": str(self._version)},
            "metadata": {"signature_def": {"signature_def": dict(self._model.signature_def)}},
        }

    def _require_served(self, name: str, version: str | None, label: str | None = None) -> None:
        if label is not None:
            raise RequestError(f"Unrecognized servable version label: {printable(label)}")
        # By number: 007 is 7. Numbers of thousands of digits are none for Python, and none of this model's.
        served = version is None or version.lstrip("0") == str(self._version)
        if name == self._name and served:
            return
        which = f"Latest({name})" if version is None else f"Specific({name}, {version})"
        raise RequestError(f"Servable not found for request: {printable(which)}", 404)


def _require_predict(verb: str) -> None:
    if verb != "predict":
        raise RequestError(f"The verb must be predict, not {printable(verb)}")


def _require_method(request: Request, *methods: str) -> None:
    if request.method not in methods:
        raise RequestError(f"The method must be {' or '.join(methods)}, not {printable(request.method)}", 405)


def _json(document: Any, status: int = 200) -> Response:
    return Response(json.dumps(document, indent=1), status=status, mimetype=JSON)


def _error(message: str, status: int) -> Response:
    return _json({"error": message}, status)
