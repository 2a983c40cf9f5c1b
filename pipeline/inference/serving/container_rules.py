"""What SageMaker's TensorFlow container does with a request to /invocations before and after TensorFlow Serving.

Its rules look at the text and not at its structure, and compare headers to the letter: a client that is answered
here must be answered there (https://github.com/aws/sagemaker-tensorflow-serving-container,
docker/build_artifacts/sagemaker/tensorflowServing.js). Its CSV is here for numbers alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from pipeline.inference.serving.rest_format import RequestError
from pipeline.printable import printable

JSON = "application/json"
JSON_LINES = "application/jsonlines"
CSV = "text/csv"
_JSONS = (JSON, JSON_LINES, "application/jsons")
_REQUEST = re.compile(rb'"(instances|inputs|examples)"\s*:')
_JSON_LINES = re.compile(rb"[}\]]\s*[\[{]")
_LIST_OF_LISTS = re.compile(rb"\s*\[\s*\[")
_ATTRIBUTE = re.compile(r"tfs-[a-z\-]+=[^,]+")


@dataclass(frozen=True)
class Addressee:
    """Which model of TensorFlow Serving is asked for what. `model`, `version` None: the one that is served."""

    model: str | None
    version: str | None
    verb: str


def converted(body: bytes, content_type: str) -> bytes:
    """What was sent to /invocations, as a request of TensorFlow Serving. Raises RequestError."""
    lines = [line.strip() for line in body.strip().splitlines() if line.strip()]
    if content_type == CSV:
        rows = [b"[%b]" % line if b"," in line else line for line in lines]
        return b'{"instances": [%b]}' % b",".join(rows)
    if content_type not in _JSONS:
        raise RequestError(f"Unsupported Media Type: {printable(content_type) or 'Unknown'}", 415)
    if _REQUEST.search(body):
        return body
    if _JSON_LINES.search(body):
        return b'{"instances": %b}' % (lines[0] if len(lines) == 1 else b"[%b]" % b",".join(lines))
    return b'{"instances": %b}' % (body if _LIST_OF_LISTS.match(body) else b"[%b]" % body)


def addressee(custom_attributes: str) -> Addressee:
    """What the header X-Amzn-SageMaker-Custom-Attributes asks for: `tfs-model-version=2,tfs-method=predict`.

    What else it holds, or holds in another form, is somebody else's.
    """
    pairs = (found.split("=") for found in _ATTRIBUTE.findall(custom_attributes))
    attributes = {pair[0]: pair[1] for pair in pairs if len(pair) == 2}
    return Addressee(
        attributes.get("tfs-model-name"),
        attributes.get("tfs-model-version"),
        attributes.get("tfs-method", "predict"),
    )


def as_accepted(body: bytes, accept: str | None) -> tuple[bytes, str]:
    """The answer, and its type, for a client that sent that `Accept`: on one line where it names a JSON type.

    The type is then the first that was asked for, whichever that is.
    """
    types = [] if accept is None else accept.strip().replace(" ", "", 1).split(",")
    if JSON not in types and JSON_LINES not in types:
        return body, JSON
    return body.replace(b"\n", b""), types[0]
