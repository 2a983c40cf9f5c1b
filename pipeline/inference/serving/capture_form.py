"""The form of captured requests and answers: SageMaker's, so that what reads one reads the other.

Developer guide, "Data capture": a file holds JSON objects, one a line, and lies at

    <destination>/<endpoint>/<variant>/yyyy/mm/dd/hh/<name>.jsonl

in the hour (UTC) that it was begun in. SageMaker's lines do not say which model answered. The destination does,
locally and on AWS: it ends in the folder model-version-<V>, of the version in the registry.
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime

# The types that are captured as text, and what their encoding is called; of others, the Base64 (API reference,
# CaptureContentTypeHeader).
JSON_TYPES = ("application/json", "application/jsonlines", "application/jsons")
CSV_TYPES = ("text/csv",)
EVENT_VERSION = "0"
_ENCODE = json.JSONEncoder(separators=(",", ":")).encode
_PLACE = re.compile(
    r"(?:.*/)?model-version-(?P<version>[1-9]\d*)/(?P<endpoint>[^/]+)/(?P<variant>[^/]+)"
    r"/(?P<hour>\d{4}/\d\d/\d\d/\d\d)/[^/]+\.jsonl",
    re.ASCII,
)


@dataclass(frozen=True)
class Exchange:
    """A request and its answer, as they went over the line; `when` is in UTC, `event` a UUID."""

    event: str
    when: datetime
    request: bytes
    request_type: str
    answer: bytes
    answer_type: str

    def line(self) -> bytes:
        """The captured line, with its end."""
        document = {
            "captureData": {
                "endpointInput": _side("INPUT", self.request, self.request_type),
                "endpointOutput": _side("OUTPUT", self.answer, self.answer_type),
            },
            "eventMetadata": {"eventId": self.event, "inferenceTime": f"{self.when:%Y-%m-%dT%H:%M:%SZ}"},
            "eventVersion": EVENT_VERSION,
        }
        return _ENCODE(document).encode() + b"\n"


@dataclass(frozen=True)
class Captured:
    """Whose lines a file has: of which version, endpoint and variant."""

    version: int
    endpoint: str
    variant: str


def destination(place: str, version: int) -> str:
    """Where lines of a model of that version go, below a folder or S3 prefix."""
    return f"{place.rstrip('/')}/model-version-{version}"


def file_path(endpoint: str, variant: str, begun: datetime, event: str) -> str:
    """The path of a file below the destination; `event` is the UUID that makes its name its own."""
    name = f"{begun:%M-%S}-{begun.microsecond // 1000:03d}-{event}.jsonl"
    return f"{endpoint}/{variant}/{begun:%Y/%m/%d/%H}/{name}"


def captured_of(path: str) -> Captured | None:
    """Whose lines the file at this path or URI has; None where it is none of captured lines."""
    found = _PLACE.fullmatch(path)
    return found and Captured(int(found["version"]), found["endpoint"], found["variant"])


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


def _side(mode: str, content: bytes, content_type: str) -> dict[str, str]:
    kind = content_type.partition(";")[0].strip().lower()
    encoding = "JSON" if kind in JSON_TYPES else "CSV" if kind in CSV_TYPES else "BASE64"
    data = ""
    if encoding != "BASE64":
        try:
            data = content.decode()
        except UnicodeDecodeError:
            encoding = "BASE64"
    if encoding == "BASE64":
        data = base64.b64encode(content).decode()
    return {"observedContentType": content_type, "mode": mode, "data": data, "encoding": encoding}
