"""The WSGI application that answers as TensorFlow Serving's REST API does, and as SageMaker's container around it.

    POST /v1/models/NAME[/versions/V]:predict      https://www.tensorflow.org/tfx/serving/api_rest, "Predict API"
    GET  /v1/models/NAME[/versions/V]              the same page, "Model status API"
    POST /invocations, GET /ping                   https://docs.aws.amazon.com/sagemaker/latest/dg/
                                                   your-algorithms-inference-code.html

/invocations takes what the container takes (https://github.com/aws/sagemaker-tensorflow-serving-container,
its section on pre- and post-processing): TensorFlow Serving's JSON, plain JSON values, JSON lines and CSV.
Errors are {"error": "…"}.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterable
from typing import Any, Protocol

import numpy.typing as npt
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge
from werkzeug.wrappers import Request, Response
from werkzeug.wsgi import ClosingIterator

from pipeline.predicting.saved_model import Signature
from pipeline.printable import printable
from pipeline.serving.rest_format import RequestError, format_response, parse_request

MAX_BODY_BYTES = 6 << 20  # what a SageMaker endpoint takes at least; an image is about 3 kB of JSON
MAX_AT_ONCE = 4  # requests that compute at once; the others wait
WAIT_SECONDS = 30.0
_PREDICT = re.compile(r"/v1/models/(?P<name>[^/:]+)(?:/versions/(?P<version>\d+))?:(?P<verb>\w+)")
_STATUS = re.compile(r"/v1/models/(?P<name>[^/:]+)(?:/versions/(?P<version>\d+))?")
_JSON = "application/json"
_JSONS = (_JSON, "application/jsonlines", "application/jsons")
_REQUEST = re.compile(rb'"(instances|inputs|examples)"\s*:')
_JSON_LINES = re.compile(rb"[}\]]\s*[\[{]")
_LIST_OF_LISTS = re.compile(rb"\s*\[\s*\[")


class Callee(Protocol):
    """A loaded model; see pipeline.predicting.saved_model."""

    @property
    def signatures(self) -> dict[str, Signature]:
        """The signatures by name."""
        ...

    def call(self, signature: str, inputs: Any) -> dict[str, npt.NDArray[Any]]:
        """The outputs of a signature."""
        ...


class Application:
    """Serves one version of one model. Called from several threads."""

    def __init__(self, model: Callee, name: str, version: int, report: Callable[[str], None]) -> None:
        """`report` is told of faults of the server itself, which the client sees as status 500."""
        self._model = model
        self._name = name
        self._version = version
        self._report = report
        self._places = threading.BoundedSemaphore(MAX_AT_ONCE)
        self._idle = threading.Condition()
        self._busy = 0

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answers one request (WSGI)."""
        self._count(1)
        answer: Iterable[bytes]
        try:
            answer = self._respond(Request(environ))(environ, start_response)
        except BaseException:
            self._count(-1)
            raise
        closing: Iterable[bytes] = ClosingIterator(answer, lambda: self._count(-1))  # closed when all is sent
        return closing

    def _count(self, change: int) -> None:
        with self._idle:
            self._busy += change
            self._idle.notify_all()

    def drain(self, seconds: float) -> bool:
        """Wait until no request is being answered, at most so long; whether that is so."""
        with self._idle:
            return self._idle.wait_for(lambda: self._busy == 0, seconds)

    def _respond(self, request: Request) -> Response:
        request.max_content_length = (
            MAX_BODY_BYTES + 1
        )  # of a body in chunks, Werkzeug gives no more, and no error
        try:
            return self._answer(request)
        except RequestError as error:
            return _error(str(error), error.status)
        except HTTPException as error:
            status = error.code or 500
            if status == 413:
                return _error(f"The request body is larger than {MAX_BODY_BYTES} bytes", status)
            return _error(error.description or error.name, status)
        except Exception as error:
            self._report(
                f"Answering {request.method} {printable(request.path)}: {type(error).__name__}: {error}"
            )
            return _error("Internal error; the server's own output says more", 500)

    def _answer(self, request: Request) -> Response:
        if request.path == "/ping":
            _require_method(request, "GET", "HEAD")
            return Response(status=200)
        if request.path == "/invocations":
            _require_method(request, "POST")
            return self._predict(_converted(_body(request), request.mimetype))
        predict, status = _PREDICT.fullmatch(request.path), _STATUS.fullmatch(request.path)
        if predict and request.method == "POST":
            self._require_served(predict["name"], predict["version"])
            if predict["verb"] != "predict":
                raise RequestError(f"Expected the verb predict. Received: {predict['verb']}")
            return self._predict(_body(request))
        if status and request.method in ("GET", "HEAD"):
            self._require_served(status["name"], status["version"])
            return _json(self._status())
        if request.path.startswith("/v1/"):
            raise RequestError(f"Malformed request: {request.method} {printable(request.path)}")
        raise RequestError("Not Found", 404)

    def _predict(self, body: bytes) -> Response:
        if not self._places.acquire(timeout=WAIT_SECONDS):
            raise RequestError("Too many requests at once; try again later", 503)
        try:
            request = parse_request(body, self._model.signatures)
            outputs = self._model.call(request.signature, request.inputs)
            return Response(format_response(request, outputs), mimetype=_JSON)
        finally:
            self._places.release()

    def _status(self) -> dict[str, Any]:
        ok = {"error_code": "OK", "error_message": ""}
        return {"model_version_status": [{"version": str(self._version), "state": "AVAILABLE", "status": ok}]}

    def _require_served(self, name: str, version: str | None) -> None:
        if name == self._name and version in (None, str(self._version)):
            return
        which = f"Latest({name})" if version is None else f"Specific({name}, {version})"
        raise RequestError(f"Servable not found for request: {printable(which)}", 404)


def _body(request: Request) -> bytes:
    """The whole body. Raises RequestError, or werkzeug's exceptions, for one that is too large or cut off."""
    body: bytes = request.get_data(cache=False)
    if len(body) > MAX_BODY_BYTES:
        raise RequestEntityTooLarge
    return body


def _converted(body: bytes, mimetype: str) -> bytes:
    """What was sent to /invocations as a request of TensorFlow Serving, by the container's own rules.

    They look at the text and not at its structure (docker/build_artifacts/sagemaker/tensorflowServing.js). Its
    CSV is here for numbers alone. Raises RequestError.
    """
    lines = [line.strip() for line in body.strip().splitlines() if line.strip()]
    if mimetype == "text/csv":
        rows = [b"[%b]" % line if b"," in line else line for line in lines]
        return b'{"instances": [%b]}' % b",".join(rows)
    if mimetype not in _JSONS:
        raise RequestError(f"Unsupported Media Type: {printable(mimetype) or 'Unknown'}", 415)
    if _REQUEST.search(body):
        return body
    if _JSON_LINES.search(body):
        return b'{"instances": %b}' % (lines[0] if len(lines) == 1 else b"[%b]" % b",".join(lines))
    return b'{"instances": %b}' % (body if _LIST_OF_LISTS.match(body) else b"[%b]" % body)


def _require_method(request: Request, *methods: str) -> None:
    if request.method not in methods:
        raise RequestError(f"Expected {' or '.join(methods)}. Received: {request.method}", 405)


def _json(document: Any, status: int = 200) -> Response:
    return Response(json.dumps(document, indent=1), status=status, mimetype=_JSON)


def _error(message: str, status: int) -> Response:
    return _json({"error": message}, status)
