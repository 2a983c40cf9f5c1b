"""SIGTERM, which SageMaker sends 120 s before it kills a job, turned into a question the training loop can ask."""

import signal
from types import FrameType, TracebackType


class StopSignal:
    """While entered, SIGTERM sets `received` instead of ending the process. Enter it in the main thread."""

    def __init__(self) -> None:
        self.received = False

    def __enter__(self) -> "StopSignal":
        self._before = signal.signal(signal.SIGTERM, self._handle)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        signal.signal(signal.SIGTERM, self._before)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self.received = True
