"""Starts the publisher's process (publisher_process.py), hands it what there is to publish, and ends it."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from pipeline.tracking.environment import client_environment
from pipeline.tracking.patience import CALL_SECONDS, RUN_SECONDS
from pipeline.tracking.place import Place
from pipeline.tracking.runs import Batch

_REPOSITORY = Path(__file__).resolve().parents[2]
# Its own limits end it long before. What is left is importing MLflow and making its database, on a slow machine.
_LONGEST_END_SECONDS = 120.0
_LOG = "publisher.log"


class Publisher:
    """The process. It never fails and never waits but in `finish`: `stopped` is told once why it gave up."""

    def __init__(
        self,
        place: Place,
        environ: Mapping[str, str],
        stopped: Callable[[str], None],
        call_seconds: float = CALL_SECONDS,
        run_seconds: float = RUN_SECONDS,
    ) -> None:
        """Start it. `environ` is the user's environment: credentials are there."""
        self._stopped = stopped
        self._place = place
        self._told = threading.Event()
        self._done = False
        environment = client_environment(environ, place.uri)
        if place.kind == "local":
            # Nothing that it does needs an account.
            environment = {name: value for name, value in environment.items() if not name.startswith("AWS_")}
        limit = "-" if place.kind == "local" else str(call_seconds)
        module = "pipeline.tracking.publisher_process"
        with (place.folder / _LOG).open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", module, str(place.folder), limit, str(run_seconds)],
                cwd=_REPOSITORY,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                # Ctrl-C is for the command, which still has things to publish.
                start_new_session=True,
            )
        threading.Thread(target=self._listen, daemon=True).start()

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    @property
    def over(self) -> bool:
        """Whether nothing more can be published."""
        return self._told.is_set()

    def send(self, batch: Batch) -> None:
        """Hand on what there is now. Waits while the process reads nothing: not from a thread that matters."""
        self._write(batch.line())

    def end(self) -> None:
        """Say that this was all."""
        self._write(json.dumps({"end": True}))

    def finish(self) -> bool:
        """Wait, after `end`, until all is published; returns whether it was."""
        if not self._told.wait(_LONGEST_END_SECONDS):
            self.give_up("it did not end")
        return self._done

    def close(self) -> None:
        """End the process, whatever it is doing."""
        self._told.set()
        self._process.kill()
        with contextlib.suppress(OSError), self._process:
            pass

    def _write(self, line: str) -> None:
        assert self._process.stdin is not None
        data = f"{line}\n".encode()
        # It has given up, and says so itself.
        with contextlib.suppress(OSError, ValueError):
            while data and not self.over:
                data = data[os.write(self._process.stdin.fileno(), data) :]

    def _listen(self) -> None:
        assert self._process.stdout is not None
        answer = {}
        with contextlib.suppress(ValueError):
            for line in self._process.stdout:
                answer = json.loads(line)
        if self.over:
            return
        self._done = "done" in answer
        if self._done:
            self._told.set()
        else:
            self.give_up(answer.get("stopped") or f"its process ended; see {self._place.folder / _LOG}")

    def give_up(self, why: str) -> None:
        """Publish nothing more, and say why, once."""
        if not self._told.is_set():
            self._told.set()
            self._stopped(why)
