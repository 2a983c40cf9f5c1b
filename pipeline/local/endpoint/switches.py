"""How tests make this server fail, throttle, delay or answer oddly; and what it was asked.

server.switches.fail("StartPipelineExecution", "ThrottlingException", times=2)
server.switches.answer("DescribePipelineExecution", {"PipelineExecutionStatus": "Stopped"})
server.switches.delay("CreatePipeline", seconds=1.0)
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pipeline.local.endpoint.wire import ServiceError

# As the service words it.
_MESSAGES = {"ThrottlingException": "Rate exceeded"}
_MOST_ASKED = 20_000


@dataclass
class _Switch:
    operation: str
    left: int | None
    seconds: float = 0.0
    code: str | None = None
    message: str | None = None
    answer: Mapping[str, Any] | None = None


@dataclass
class Switches:
    """What the next requests get instead of an answer. Usable from several threads.

    `asked` has the names of the operations that were asked for last, S3's as method and path, oldest first.
    """

    asked: list[str] = field(default_factory=list)
    _set: list[_Switch] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def fail(self, operation: str, code: str, message: str | None = None, times: int | None = 1) -> None:
        """Answer the next `times` requests for the operation (None: all) with an error."""
        message = message or _MESSAGES.get(code, f"{code}, as a switch of this server says")
        self._add(_Switch(operation, times, code=code, message=message))

    def answer(self, operation: str, answer: Mapping[str, Any], times: int | None = 1) -> None:
        """Answer the next `times` requests for the operation with `answer`, whether the service could or not."""
        self._add(_Switch(operation, times, answer=answer))

    def delay(self, operation: str, seconds: float, times: int | None = 1) -> None:
        """Let the next `times` requests for the operation wait before they are answered as ever."""
        self._add(_Switch(operation, times, seconds=seconds))

    @property
    def pending(self) -> list[tuple[str, str | None]]:
        """The operations, with the code of their failure, that switches are still set for."""
        with self._lock:
            return [(each.operation, each.code) for each in self._set]

    @property
    def are_set(self) -> bool:
        """Whether the next request may be answered otherwise."""
        return bool(self._set)

    def clear(self) -> None:
        """Answer as ever from now on."""
        with self._lock:
            self._set.clear()

    def apply(self, operation: str) -> Mapping[str, Any] | None:
        """Note a request; returns what to answer instead, if a switch says so. Raises ServiceError as one says."""
        with self._lock:
            self.asked.append(operation)
            if len(self.asked) > _MOST_ASKED:
                del self.asked[: _MOST_ASKED // 2]
            switch = next((each for each in self._set if each.operation == operation), None)
            if switch is None:
                return None
            if switch.left is not None:
                switch.left -= 1
                if switch.left == 0:
                    self._set.remove(switch)
        if switch.seconds:
            time.sleep(switch.seconds)
        if switch.code is not None:
            raise ServiceError(switch.code, switch.message or switch.code)
        return switch.answer

    def _add(self, switch: _Switch) -> None:
        with self._lock:
            self._set.append(switch)
