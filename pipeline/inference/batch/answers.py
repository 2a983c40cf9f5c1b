"""What the model answered to the records of a transform job, image by image."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.errors import FashionError
from pipeline.inference.batch.requests import Requests


class AnswersError(FashionError):
    """A transform job's output is not what was asked for."""


def predictions(
    requests: Requests, answers: Mapping[str, Path], classes: Sequence[str], version: int
) -> Iterator[dict[str, Any]]:
    """A prediction for each image, in the order of the requests; `answers` are the job's output by name.

    Raises:
        AnswersError: they do not fit.
        OSError: a file cannot be read.
    """
    for path, names in zip(requests.files, requests.names, strict=True):
        name = f"{path.name}.out"
        if name not in answers:
            raise AnswersError(f"The transform job left no {name}. Run the same command again.")
        with answers[name].open("rb") as lines:
            found = _answers(lines, name)
            for image in names:
                answer = next(found, None)
                if answer is None:
                    raise AnswersError(f"{name} of the transform job has fewer answers than {len(names)}.")
                yield _prediction(image, answer, classes, version, name)
            if next(found, None) is not None:
                raise AnswersError(f"{name} of the transform job has more answers than {len(names)}.")


def _answers(lines: Iterable[bytes], name: str) -> Iterator[Any]:
    for line in lines:
        try:
            yield from json.loads(line)["predictions"]
        except (ValueError, KeyError, TypeError) as error:
            raise AnswersError(
                f"{name} of the transform job has a line that is not an answer ({error})."
            ) from error


def _prediction(image: str, answer: Any, classes: Sequence[str], version: int, name: str) -> dict[str, Any]:
    values = answer.get("probabilities") if isinstance(answer, dict) else None
    if (
        not isinstance(values, list)
        or len(values) != len(classes)
        or not all(isinstance(each, (int, float)) and math.isfinite(each) for each in values)
    ):
        raise AnswersError(
            f"{name} of the transform job has an answer without {len(classes)} probabilities, to {image}. Choose "
            "another version with --model."
        )
    best = max(range(len(values)), key=values.__getitem__)
    return {
        "image": image,
        "class_id": best,
        "class_name": classes[best],
        "probabilities": values,
        "model_version": version,
    }
