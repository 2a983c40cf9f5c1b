"""Lines of data capture for tests, written as `serve` and endpoints write them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import numpy as np
import numpy.typing as npt

from pipeline.inference.serving.capture_form import Exchange, destination, file_path

WHEN = datetime(2026, 11, 30, 2, tzinfo=UTC)
JSON = "application/json"


def captured_lines(
    pixels: npt.NDArray[np.uint8], answers: npt.NDArray[np.floating], when: datetime = WHEN
) -> bytes:
    """A line for each image (N×28×28) and what was answered (N×C), a second apart."""
    lines = []
    for number, (image, answer) in enumerate(zip(pixels, answers, strict=True)):
        row = {"probabilities": answer.tolist(), "class_id": int(answer.argmax())}
        request = json.dumps({"instances": [image.tolist()]}).encode()
        reply = json.dumps({"predictions": [row]}, indent=4).encode()
        exchange = Exchange(
            str(UUID(int=number)), when + timedelta(seconds=number), request, JSON, reply, JSON
        )
        lines.append(exchange.line())
    return b"".join(lines)


def capture_key(version: int, endpoint: str, when: datetime = WHEN, place: str = "capture") -> str:
    """Where a file of such lines lies below a bucket or folder."""
    event = str(UUID(int=version))
    return f"{destination(place, version)}/{file_path(endpoint, 'AllTraffic', when, event)}"


def write_capture(folder: Path, version: int, endpoint: str, content: bytes, when: datetime = WHEN) -> Path:
    """Puts a file of captured lines into a folder, and returns the folder."""
    file = folder / capture_key(version, endpoint, when, ".")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return folder
