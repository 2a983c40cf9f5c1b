"""Captures what a server is asked and answers, as SageMaker's data capture does, at the expense of no answer.

Answering only puts an exchange on a list. One thread makes lines of it (capture_form.py) and writes them, a file
at a time and each whole (capture_places.py). What cannot be kept is counted, and said: when the list is full, when
there is as much as there may be, when a file cannot be written.
"""

from __future__ import annotations

import random
import threading
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType

from pipeline.formatting import plural
from pipeline.inference.serving import capture_form
from pipeline.inference.serving.capture_form import Exchange, file_path
from pipeline.inference.serving.capture_places import CaptureError, Place

MOST_WAITING = 64 << 20  # bytes of requests and answers
FILE_BYTES = 4 << 20
FILE_SECONDS = 10.0
DEFAULT_MEBIBYTES = 1024
_LOOK_SECONDS = 0.5


@dataclass
class Capture:
    """Captures `percent` of the exchanges of an endpoint while the block lasts, at most `most_bytes` at `place`.

    `say` is told what is lost, once for each cause.
    """

    place: Place
    endpoint: str
    variant: str
    percent: float
    most_bytes: int
    say: Callable[[str], None]
    file_seconds: float = FILE_SECONDS
    most_waiting: int = MOST_WAITING
    captured: int = 0
    lost: int = 0
    _waiting: list[Exchange] = field(default_factory=list)
    _waiting_bytes: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _said: set[str] = field(default_factory=set)
    _kept_bytes: int = 0
    _lines: list[bytes] = field(default_factory=list)
    _begun: datetime = field(default_factory=lambda: capture_form.now())
    _end: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Capture:
        """Begin."""
        self._kept_bytes = self.place.size()
        self._thread = threading.Thread(target=self._run, name="capture")
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write what waits."""
        self._end.set()
        self._thread.join()

    def offer(self, request: bytes, request_type: str, answer: bytes, answer_type: str) -> None:
        """Take an exchange. Called from several threads; does not wait for the disk."""
        if random.random() * 100 >= self.percent:
            return
        exchange = Exchange(str(uuid.uuid4()), capture_form.now(), request, request_type, answer, answer_type)
        size = len(request) + len(answer)
        with self._lock:
            fits = self._waiting_bytes + size <= self.most_waiting
            if fits:
                self._waiting.append(exchange)
                self._waiting_bytes += size
        if not fits:
            self._lose(1, f"They arrive faster than they are written to {self.place.name}")

    @property
    def summary(self) -> str:
        """What became of the exchanges, for the end."""
        lost = f"; {self.lost} more were lost" if self.lost else ""
        return f"Captured {plural(self.captured, 'request')} in {self.place.name}{lost}."

    def _run(self) -> None:
        ended = False
        while not ended:
            ended = self._end.wait(_LOOK_SECONDS)
            with self._lock:
                taken, self._waiting, self._waiting_bytes = self._waiting, [], 0
            size = sum(map(len, self._lines))
            for exchange in taken:
                if not self._lines:
                    self._begun = exchange.when
                elif size >= FILE_BYTES or f"{exchange.when:%Y%m%d%H}" != f"{self._begun:%Y%m%d%H}":
                    self._write()
                    self._begun, size = exchange.when, 0
                self._lines.append(exchange.line())
                size += len(self._lines[-1])
            if ended or (capture_form.now() - self._begun).total_seconds() >= self.file_seconds:
                self._write()

    def _write(self) -> None:
        """Make a file of the lines that there are."""
        lines, self._lines = self._lines, []
        content = b"".join(lines)
        if not content:
            return
        if self._kept_bytes + len(content) > self.most_bytes:
            self._lose(
                len(lines),
                f"{self.place.name} has reached its {self.most_bytes >> 20} MiB (--capture-limit). Move "
                "what it holds elsewhere, and start again",
            )
            return
        try:
            self.place.write(file_path(self.endpoint, self.variant, self._begun, str(uuid.uuid4())), content)
        except CaptureError as error:
            self._lose(len(lines), str(error).rstrip("."))
        else:
            self._kept_bytes += len(content)
            self.captured += len(lines)

    def _lose(self, count: int, why: str) -> None:
        with self._lock:
            self.lost += count
            new = why not in self._said and len(self._said) < 100
            self._said.add(why)
        if new:
            with suppress(OSError):  # nobody reads it any more: no reason not to answer
                self.say(f"Requests are answered but not captured. {why}.")
