"""The process that serves the model of an endpoint: this project's server for SavedModels, on loopback.

It answers only what has its key, and ends with the server of the API, however that ends (reaper.py).
"""

from __future__ import annotations

import http.client
import os
import secrets
import shutil
import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import StepFailed
from pipeline.local.jobs.ports import reserve_ports
from pipeline.local.jobs.reaper import Reaper
from pipeline.local.jobs.runner import StepStopped
from pipeline.local.jobs.transform.artifact import fetch_model
from pipeline.local.jobs.transform.server import (
    ADDRESS,
    OWN_CODE,
    OWN_SERVER,
    READY_SECONDS,
    tensorflow_server,
)
from pipeline.local.state.local_aws import LocalAws
from pipeline.printable import printable
from pipeline.spec.definition import Json

# An endpoint has 60 s for an answer (API reference, InvokeEndpoint).
ANSWER_SECONDS = 60.0
_PING_SECONDS, _POLL_SECONDS = 2.0, 0.1
_PASSED = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES")
# As pipeline/inference/serving/batch_server.py has them.
_KEY_VARIABLE, _KEY_HEADER = "LOCAL_SERVER_KEY", "X-Local-Server-Key"
_LOG_TAIL_BYTES = 4096


@dataclass(frozen=True)
class Answer:
    """What the model's server answered."""

    status: int
    headers: Mapping[str, str]
    content: bytes


class ModelServer:
    """One process. Made by start_server. Usable from several threads."""

    def __init__(self, folder: Path, log: Path, environment: Mapping[str, str], reaper: Reaper) -> None:
        """Serve the model in `folder`, which goes with it; what the process says is added to `log`.

        Raises:
            OSError: it cannot be started.
        """
        self._folder, self._log = folder, log
        self._key = secrets.token_hex(16)
        with ExitStack() as kept:
            self.port = kept.enter_context(reserve_ports(1))
            command, own = tensorflow_server(str(folder / "model"), self.port)
            passed = {name: os.environ[name] for name in _PASSED if name in os.environ}
            variables = {
                "TF_CPP_MIN_LOG_LEVEL": "2", "TF_FORCE_GPU_ALLOW_GROWTH": "true", **environment, **own,
                "HOME": str(folder), "TMPDIR": str(folder), _KEY_VARIABLE: self._key,
            }  # fmt: skip
            with log.open("ab") as said:
                self._process = reaper.start(
                    command, cwd=folder, environment=passed | variables, output=said.fileno()
                )
            kept.callback(self._end)
            self._kept = kept.pop_all()

    @property
    def is_alive(self) -> bool:
        """Whether the process runs."""
        return self._process.wait(0) is None

    def wait_until_ready(self, stop: threading.Event) -> None:
        """Return when the model is loaded.

        Raises:
            StepFailed: it cannot be.
            StepStopped: `stop` was set.
        """
        until = time.monotonic() + READY_SECONDS
        while time.monotonic() < until:
            if stop.is_set():
                raise StepStopped
            if not self.is_alive:
                raise StepFailed(f"The model's server ended before it answered. {self._last_words()}".strip())
            try:
                if self._ask("GET", "/ping", None, {}, _PING_SECONDS).status == http.client.OK:
                    return
            except (OSError, http.client.HTTPException):
                pass  # It does not listen yet.
            stop.wait(_POLL_SECONDS)
        raise StepFailed(f"The model's server did not answer /ping within {READY_SECONDS:g} s.")

    def ask(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        """The answer to an invocation.

        Raises:
            OSError, HTTPException: there is none; TimeoutError where it took too long.
        """
        return self._ask("POST", "/invocations", body, headers, ANSWER_SECONDS)

    def close(self) -> None:
        """End the process, and remove the model's files."""
        self._kept.close()

    def _ask(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], seconds: float
    ) -> Answer:
        connection = http.client.HTTPConnection(ADDRESS, self.port, timeout=seconds)
        try:
            connection.request(method, path, body, {**headers, _KEY_HEADER: self._key})
            with connection.getresponse() as answer:
                return Answer(answer.status, dict(answer.getheaders()), answer.read())
        finally:
            connection.close()

    def _end(self) -> None:
        # It has nothing to save.
        self._process.end()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _last_words(self) -> str:
        """The last line that it wrote."""
        with self._log.open("rb") as file:
            file.seek(max(0, self._log.stat().st_size - _LOG_TAIL_BYTES))
            lines = file.read().decode(errors="replace").strip().splitlines()
        return printable(lines[-1].strip()) if lines else ""


def start_server(
    aws: LocalAws,
    container: Mapping[str, Json],
    folder: Path,
    log: Path,
    reaper: Reaper,
    stop: threading.Event,
) -> ModelServer:
    """Serve the model of `container` from `folder`, which is made; returns when it is loaded.

    Raises:
        StepFailed: it cannot be fetched or served; the message says why.
        StepStopped: `stop` was set.
        OSError: the disk is full.
    """
    if stop.is_set():
        raise StepStopped
    folder.mkdir(mode=0o700, parents=True)
    server: ModelServer | None = None
    try:
        model = folder / "model"
        if fetch_model(aws, container, model, folder / "archive", stop) is None:
            raise StepFailed("The model has no artifact: name one in ModelDataUrl.")
        if (model / OWN_CODE).is_file():
            raise StepFailed(OWN_SERVER)
        own = {str(name): str(value) for name, value in (container.get("Environment") or {}).items()}
        server = ModelServer(folder, log, own, reaper)
        server.wait_until_ready(stop)
    except BaseException:
        if server is not None:
            server.close()
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return server
