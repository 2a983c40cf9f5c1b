"""The client of a served model: images out, class probabilities in, whoever it is that is asked."""

from __future__ import annotations

import json
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from pipeline.inference.serving.answers import AskingFailed, message_of
from pipeline.inference.serving.transports import Transport

# Of about 3 kB of JSON each; a serverless endpoint takes 4 MB (developer guide, "Invoke a serverless endpoint").
IMAGES_A_REQUEST = 500
_SHOWN = 120  # characters of an answer that is none


def ask_model(transport: Transport, pixels: npt.NDArray[np.uint8], classes: int) -> npt.NDArray[np.float64]:
    """The probabilities (N×`classes`) that a served model gives images (uint8, N×28×28).

    Raises:
        AskingFailed: it cannot be asked, or its answer is not one of a model that was registered here.
        CredentialsError, AwsError: AWS refuses, or cannot be reached.
    """
    parts = [
        _probabilities(transport, pixels[start : start + IMAGES_A_REQUEST], classes)
        for start in range(0, len(pixels), IMAGES_A_REQUEST)
    ]
    return np.concatenate(parts)


def _probabilities(
    transport: Transport, pixels: npt.NDArray[np.uint8], classes: int
) -> npt.NDArray[np.float64]:
    body = json.dumps({"instances": pixels.tolist()}, separators=(",", ":")).encode()
    answer = transport.ask(body)
    try:
        document: Any = json.loads(answer)
        rows = [row["probabilities"] for row in document["predictions"]]
        probabilities = np.array(rows, np.float64)
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        _refuse(transport, message_of(answer)[:_SHOWN] if answer.strip() else "nothing")
    if probabilities.shape != (len(pixels), classes):
        _refuse(transport, f"the shape {probabilities.shape} instead of {(len(pixels), classes)}")
    if not np.isfinite(probabilities).all():
        _refuse(transport, "numbers that are not finite")
    return probabilities


def _refuse(transport: Transport, found: str) -> NoReturn:
    raise AskingFailed(
        f"The answer of {transport.name} is not a list of predictions with the probabilities of each class: "
        f"{found}. Is it a model of this pipeline?"
    )
