"""What an endpoint's data capture wrote, read again: SageMaker's JSON Lines around TensorFlow Serving's bodies.

    <prefix>/model-version-<V>/<endpoint>/<variant>/yyyy/mm/dd/hh/<name>.jsonl

Nothing is trusted: a line may be cut off, hold an error, or images of another shape. What cannot be used is counted
by its reason and costs no other line. An image that was sent again counts once: a hundred images sent five times
would be "drift" in half of all samples.
"""

import base64
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from fashion_classes import CLASS_NAMES

SIDE = 28
SUM_TOLERANCE = 1e-2  # an answer may be written with few digits

CUT_OFF = "lines that are no whole line of data capture"
NO_JSON = "lines whose request or answer is no JSON"
NO_ANSWER = "requests without probabilities as their answer"
NO_IMAGES = "requests that hold something else than 28×28 images of whole numbers from 0 to 255"
REPEATED = "images that were sent before, and count once"

_PLACE = re.compile(
    r"(?:.*/)?model-version-(?P<version>[1-9]\d*)/(?P<endpoint>[^/]+)/(?P<variant>[^/]+)"
    r"/(?P<hour>\d{4}/\d\d/\d\d/\d\d)/[^/]+\.jsonl",
    re.ASCII,
)


@dataclass(frozen=True)
class CapturedFile:
    """A file of captured lines: where it lies, whose lines it has, and in which hour (yyyy/mm/dd/hh, UTC)."""

    key: str
    version: int
    endpoint: str
    hour: str


def captured_file(key: str) -> CapturedFile | None:
    """What the path of a file says; None where it is none of captured lines."""
    found = _PLACE.fullmatch(key)
    return found and CapturedFile(key, int(found["version"]), found["endpoint"], found["hour"])


@dataclass
class Captured:
    """The different images of captured lines, with the probabilities that were answered, and what was left out."""

    limit: int
    images: dict[bytes, npt.NDArray[np.float64]] = field(default_factory=dict)
    losses: Counter[str] = field(default_factory=Counter)
    lines: int = 0
    first: str = ""
    last: str = ""

    @property
    def full(self) -> bool:
        """Whether no more images are wanted."""
        return len(self.images) >= self.limit

    def add(self, content: bytes) -> None:
        """Takes the lines of a file."""
        for line in content.splitlines():
            if line.strip():
                self.lines += 1
                self._add_line(line)

    def _add_line(self, line: bytes) -> None:
        try:
            document = json.loads(line)
            sides = [document["captureData"][name] for name in ("endpointInput", "endpointOutput")]
            bodies = [_body(side) for side in sides]
            when = str(document["eventMetadata"]["inferenceTime"])
        except (ValueError, KeyError, TypeError, RecursionError):
            self.losses[CUT_OFF] += 1
            return
        try:
            request, answer = (json.loads(body) for body in bodies)
        except (ValueError, RecursionError):
            self.losses[NO_JSON] += 1
            return
        answers = _probabilities(answer)
        if answers is None:
            self.losses[NO_ANSWER] += 1
            return
        pixels = _images(request)
        if pixels is None or len(pixels) != len(answers):
            self.losses[NO_IMAGES] += 1
            return
        self.first = min(self.first or when, when)
        self.last = max(self.last, when)
        for image, row in zip(pixels, answers, strict=True):
            known = image.tobytes()
            if known in self.images:
                self.losses[REPEATED] += 1
            elif not self.full:
                self.images[known] = row

    def pixels(self) -> npt.NDArray[np.uint8]:
        """The images, uint8, N×28×28."""
        joined = b"".join(self.images)
        return np.frombuffer(joined, np.uint8).reshape(-1, SIDE, SIDE)

    def probabilities(self) -> npt.NDArray[np.float64]:
        """What was answered to them, N×C."""
        return np.array([*self.images.values()]).reshape(-1, len(CLASS_NAMES))


def read_captured(contents: Iterable[bytes], limit: int) -> Captured:
    """The images in files' contents, in that order, until there are `limit` different ones."""
    captured = Captured(limit)
    for content in contents:
        captured.add(content)
        if captured.full:
            break
    return captured


def _body(side: dict[str, Any]) -> str | bytes:
    data = side["data"]
    if not isinstance(data, str):
        raise TypeError("data is no text")
    return base64.b64decode(data, validate=True) if side["encoding"] == "BASE64" else data


def _images(request: Any) -> npt.NDArray[np.uint8] | None:
    """The images that were asked about, None where it is another request."""
    found = _column(request, ("instances", "inputs"), "images")
    try:
        pixels = np.array(found)
    except ValueError:  # lists of different lengths
        return None
    if pixels.ndim == 4 and pixels.shape[-1] == 1:
        pixels = pixels[..., 0]
    if pixels.ndim != 3 or pixels.shape[1:] != (SIDE, SIDE) or pixels.dtype.kind not in "iu":
        return None
    return pixels.astype(np.uint8) if pixels.min() >= 0 and pixels.max() <= 255 else None


def _probabilities(answer: Any) -> npt.NDArray[np.float64] | None:
    """The probabilities that were answered (N×C), None where it is another answer."""
    found = _column(answer, ("predictions", "outputs"), "probabilities")
    try:
        rows = np.array(found, np.float64)
    except (ValueError, TypeError, OverflowError):
        return None
    if rows.ndim != 2 or rows.shape[1] != len(CLASS_NAMES) or len(rows) == 0:
        return None
    sound = rows.min() >= 0 and bool((np.abs(rows.sum(axis=1) - 1) <= SUM_TOLERANCE).all())  # NaN is neither
    return rows if sound else None


def _column(body: Any, keys: tuple[str, str], name: str) -> Any:
    """The tensor called `name` in a body of TensorFlow Serving's, which has it by rows or by columns."""
    if not isinstance(body, dict):
        return None
    by_rows, by_columns = (body.get(key) for key in keys)
    if isinstance(by_columns, dict):
        return by_columns.get(name)
    if by_rows is None:
        return by_columns
    return [*_values(by_rows, name)] if isinstance(by_rows, list) else None


def _values(rows: list[Any], name: str) -> Iterator[Any]:
    for row in rows:
        yield row.get(name) if isinstance(row, dict) else row
