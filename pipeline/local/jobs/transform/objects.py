"""Sends objects to a model, record by record and several at once, and keeps the answers in the objects' order."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.local.jobs.runner import StepStopped
from pipeline.local.jobs.transform.processing import Processing
from pipeline.local.jobs.transform.records import Record, RecordError, batches, read_records, where_of
from pipeline.local.jobs.transform.server import Answer, BadAnswer
from pipeline.spec.definition import Json
from pipeline.spec.step_types.transform import DEFAULT_PAYLOAD_MB


@dataclass(frozen=True)
class Settings:
    """How objects are read and sent: of the request, else as the model's server wants it, else the defaults."""

    split: str
    packed: bool
    single: bool
    most_mb: int
    at_once: int
    assembled: bool

    @classmethod
    def of(cls, request: Mapping[str, Json], wanted: Mapping[str, Json]) -> Settings:
        """What a CreateTransformJob request says; `wanted` is what the server's /execution-parameters do."""
        given, output = request["TransformInput"], request["TransformOutput"]
        strategy = request.get("BatchStrategy") or wanted.get("BatchStrategy") or "MultiRecord"
        return cls(
            split=given.get("SplitType") or "None",
            packed=given.get("CompressionType") == "Gzip",
            single=str(strategy).replace("_", "").lower() == "singlerecord",
            most_mb=_first_number(
                request.get("MaxPayloadInMB"), wanted.get("MaxPayloadInMB"), DEFAULT_PAYLOAD_MB
            ),
            # 0 leaves it to the server.
            at_once=_first_number(
                request.get("MaxConcurrentTransforms") or None,
                wanted.get("MaxConcurrentTransforms") or None,
                1,
            ),
            assembled=output.get("AssembleWith") == "Line",
        )


def _first_number(*values: Json) -> int:
    """The first that is a whole number from 0; a server may say anything."""
    return next(value for value in values if type(value) is int and value >= 0)


@dataclass
class Object:
    """An input object: its `uri`, its copy at `source`, and its output at `target`, which is made."""

    uri: str
    source: Path
    target: Path
    key: str
    problem: str | None = field(default=None)

    def fail(self, problem: str, where: str) -> None:
        """Note what is wrong, the first time, and drop what there is of the output."""
        if self.problem is None:
            self.problem = f"{self.uri}{f', {where}' if where else ''}: {problem}"
            self.target.unlink(missing_ok=True)

    def keep(self, content: bytes) -> None:
        """Add to the output."""
        with self.target.open("ab") as file:
            file.write(content)


def transform_objects(
    objects: Iterable[Object],
    settings: Settings,
    processing: Processing,
    ask: Callable[[bytes], Answer],
    stop: threading.Event,
) -> None:
    """Make each object's output, or note its problem; `ask` sends a payload, from several threads.

    Raises:
        StepStopped: `stop` was set.
        OSError: a file cannot be read or written.
        Exception: what `ask` raises, but for BadAnswer.
    """
    waiting: deque[tuple[Object, list[Record], Future[Answer]]] = deque()

    def finish() -> None:
        each, records, future = waiting.popleft()
        try:
            answer = future.result()
            if each.problem is None:
                each.keep(
                    processing.result(records, answer.content, answer.kind, assembled=settings.assembled)
                )
        except BadAnswer as error:
            each.fail(str(error), where_of(records))
        except RecordError as error:
            each.fail(str(error), error.where)

    with ThreadPoolExecutor(settings.at_once) as threads:
        try:
            for each in objects:
                each.target.parent.mkdir(parents=True, exist_ok=True)
                each.target.touch()
                for records in _batches(each, settings, processing):
                    if stop.is_set():
                        raise StepStopped
                    payload = b"".join(record.payload for record in records)
                    waiting.append((each, records, threads.submit(ask, payload)))
                    while len(waiting) >= settings.at_once:
                        finish()
            while waiting:
                finish()
        finally:
            for _, _, future in waiting:
                future.cancel()


def _batches(each: Object, settings: Settings, processing: Processing) -> Iterator[list[Record]]:
    """The requests of an object, until something of it is wrong."""
    records = read_records(each.source, settings.split, packed=settings.packed, single=settings.single)
    found = batches(records, processing.payload, single=settings.single, most_mb=settings.most_mb)
    try:
        for batch in found:
            yield batch
            if each.problem is not None:
                return
    except RecordError as error:
        each.fail(str(error), error.where)
