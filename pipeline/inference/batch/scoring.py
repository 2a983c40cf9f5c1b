"""Scores images part by part: prepares records, has them answered, and writes what came of it."""

from __future__ import annotations

import hashlib
import itertools
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pipeline.formatting import plural
from pipeline.inference.batch.answers import predictions
from pipeline.inference.batch.images import Image
from pipeline.inference.batch.output import OutputFolder
from pipeline.inference.batch.requests import Requests, write_requests

# Of one execution. More would lose more when it is interrupted; fewer would spend more on starting.
PART_IMAGES = 200_000


class Scorer(Protocol):
    """Has records answered."""

    def answers(self, requests: Requests) -> Mapping[str, Path] | None:
        """The transform job's output by name, until `forget`; None when it did not come to an end."""
        ...

    def forget(self, requests: Requests) -> None:
        """Drop what is no longer needed."""
        ...


@dataclass(frozen=True)
class Model:
    """What scores: the names of its classes and its version in the registry."""

    classes: Sequence[str]
    version: int


@dataclass
class Progress:
    """How many images were scored, rejected and found finished."""

    scored: int = 0
    rejected: int = 0
    kept: int = 0


def score(
    images: Iterator[Image],
    output: OutputFolder,
    scorer: Scorer,
    model: Model,
    scratch: Path,
    say: Callable[[str], None],
    part_images: int = PART_IMAGES,
) -> Progress | None:
    """Score all images; None when the scorer did not come to an end. `scratch` is made and removed.

    Raises:
        StateError, AnswersError: see OutputFolder and predictions.
        OSError: the scratch folder cannot be written.
    """
    progress = Progress()
    number = 0
    part: list[Image] = []
    for number in itertools.count():
        part.clear()  # before the next part takes memory
        part += itertools.islice(images, part_images)
        if not part:
            break
        stamp = _stamp(part)
        if output.has(number, stamp):
            done = output.parts[number]
            progress.kept += done["images"] + done["rejected"]
            continue
        scratch.mkdir(parents=True)
        try:
            say(f"Preparing {plural(len(part), 'image')}, from {part[0].name} on …")
            requests = write_requests(part, scratch)
            answers: Mapping[str, Path] | None = {}
            if requests.files:
                answers = scorer.answers(requests)
            if answers is None:
                return None
            found = predictions(requests, answers, model.classes, model.version)
            output.write(number, stamp, found, requests.rejected)
            scorer.forget(requests)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        progress.scored += requests.count
        progress.rejected += len(requests.rejected)
    output.end(number)
    return progress


def _stamp(part: Sequence[Image]) -> str:
    digest = hashlib.sha256()
    for image in part:
        digest.update(f"{image.name}\0{image.stamp}\0".encode(errors="surrogateescape"))
    return digest.hexdigest()
