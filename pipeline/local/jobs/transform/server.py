"""Who serves a model in a job's container, and how it is asked.

The contract is that of images ("Use Your Own Inference Code with Batch Transform"): GET /ping answers 200 once the
model is loaded, POST /invocations takes a payload, GET /execution-parameters may say how it wants to be asked. The
artifact lies unpacked in /opt/ml/model. Here the port is another for each host: SAGEMAKER_BIND_TO_PORT names it.
"""

from __future__ import annotations

import http.client
import json
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pipeline.errors import StepFailed
from pipeline.local.jobs.hosts import Host
from pipeline.local.jobs.image import Image
from pipeline.local.jobs.job import Start
from pipeline.local.jobs.runner import StepStopped
from pipeline.local.jobs.running import ServerEnded
from pipeline.local.jobs.stand_in import StandIn
from pipeline.local.jobs.training_driver import local_command
from pipeline.shown import shown
from pipeline.spec.definition import Json

MODEL_FOLDER = "/opt/ml/model"
# What an image's entry point is given (Developer guide, "Use Your Own Inference Code with Hosting Services").
_SERVE = ("serve",)
PORT_VARIABLE = "SAGEMAKER_BIND_TO_PORT"
ADDRESS = "127.0.0.1"
# Where a user's own inference code lies in a TensorFlow model: it needs the image's server.
OWN_CODE = "code/inference.py"
OWN_SERVER = (
    f"The model brings a {OWN_CODE} of its own, which its image's server would call and this project's "
    "does not."
)
READY_SECONDS = 600.0
_PING_SECONDS, _POLL_SECONDS = 2.0, 0.1
_LONGEST_PAUSE = 2.0
_CHECKOUT = Path(__file__).parents[4]
_TENSORFLOW_SERVER = "pipeline.inference.serving.batch_server"


class Server(Protocol):
    """Serves the model of a host's container at a port of this machine's loopback interface."""

    def start(self, host: Host, port: int) -> Start:
        """What the host runs; it ends with SIGTERM.

        Raises:
            StepFailed: the model is not one that it can serve.
        """


@dataclass(frozen=True)
class CommandServer:
    """A command in the place of the model's image."""

    stand_in: StandIn

    def start(self, host: Host, port: int) -> Start:
        """See Server."""
        return Start(
            local_command(self.stand_in.command, host.container, host.python), "/", variables(host, port)
        )


@dataclass(frozen=True)
class ImageServer:
    """The model's image, in a container."""

    image: Image

    def start(self, host: Host, port: int) -> Start:
        """See Server."""
        return Start(self.image.command(_SERVE), "/", variables(host, port), port)


class TensorFlowServer:
    """This project's own server, for SavedModels. It runs with this Python, whichever jobs run with."""

    def start(self, host: Host, port: int) -> Start:
        """See Server."""
        if host.container.path(f"{MODEL_FOLDER}/{OWN_CODE}").is_file():
            raise StepFailed(f"{OWN_SERVER} Say what serves it: --stand-in STEP=COMMAND")
        command, own = tensorflow_server(host.container.seen(MODEL_FOLDER), port)
        return Start(command, "/", {**variables(host, port), **own})


def tensorflow_server(folder: str, port: int) -> tuple[list[str], dict[str, str]]:
    """The command that serves the SavedModel in `folder` at `port`, and what it needs in its environment."""
    command = [sys.executable, "-m", _TENSORFLOW_SERVER, "--model-dir", folder, "--port", str(port)]
    return command, {"PYTHONPATH": str(_CHECKOUT)}


def variables(host: Host, port: int) -> dict[str, str]:
    """What a server finds in its environment, beside what the model and the job ask for."""
    return {PORT_VARIABLE: str(port), "SM_MODEL_DIR": host.container.seen(MODEL_FOLDER)}


class BadAnswer(Exception):
    """The model refused a payload, or gave no answer; the message says how."""


@dataclass(frozen=True)
class Answer:
    """What a model answered, and its Content-Type ("" when it names none)."""

    content: bytes
    kind: str


class Client:
    """Asks the server at `port`; used from several threads. `ended` says whether it has ended by itself.

    `close` it when no thread asks any more.
    """

    def __init__(
        self,
        port: int,
        headers: dict[str, str],
        *,
        seconds: float,
        retries: int,
        ended: Callable[[], bool],
        stop: threading.Event,
    ) -> None:
        self._port = port
        self._headers = headers
        self._seconds = seconds
        self._retries = retries
        self._ended = ended
        self._stop = stop
        # Thousands of requests need a connection each thread, or the system runs out of ports.
        self._own = threading.local()
        self._connections: list[http.client.HTTPConnection] = []

    def close(self) -> None:
        """Hang up."""
        for connection in self._connections:
            connection.close()

    def wait_until_ready(self) -> None:
        """Return when the server is up.

        Raises:
            StepFailed: it was not, for ten minutes.
            ServerEnded: it ended.
            StepStopped: the job is to stop.
        """
        began = time.monotonic()
        answer = "nothing listens there"
        while time.monotonic() < began + READY_SECONDS:
            self._check()
            try:
                status, content = self._get("/ping")
            except (OSError, http.client.HTTPException) as error:
                answer = str(error) or type(error).__name__
            else:
                if status == 200:
                    return
                answer = f"{status}: {shown(content[:200].decode(errors='replace'))}"
            self._stop.wait(_POLL_SECONDS)
        raise StepFailed(
            f"The model's server did not answer GET /ping at port {self._port} within {READY_SECONDS:g} s "
            f"({answer}). It must listen at the port that {PORT_VARIABLE} names."
        )

    def parameters(self) -> dict[str, Json]:
        """What the server says of how it wants to be asked; nothing where it says nothing."""
        try:
            status, content = self._get("/execution-parameters")
            found = json.loads(content) if status == 200 else {}
        except (OSError, http.client.HTTPException, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def ask(self, payload: bytes) -> Answer:
        """The answer to a payload. What no answer comes to, or a status from 500, is tried again.

        Raises:
            BadAnswer: it was refused, or there is none.
            ServerEnded, StepStopped: see wait_until_ready.
        """
        problem = ""
        for attempt in range(self._retries + 1):
            if attempt:
                self._stop.wait(min(_LONGEST_PAUSE, 0.1 * 2**attempt))
            self._check()
            try:
                status, content, kind = self._post(payload)
            except TimeoutError:
                problem = f"the model did not answer within {self._seconds:g} s"
                continue
            except (OSError, http.client.HTTPException) as error:
                # The system may tell of a server's end before its own parent does.
                self._stop.wait(_POLL_SECONDS)
                problem = f"the model gave no answer ({error or type(error).__name__})"
                continue
            if 200 <= status < 300:
                return Answer(content, kind)
            problem = f"the model answered {status}: {shown(content[:500].decode(errors='replace').strip())}"
            if status < 500:
                break
        self._check()
        raise BadAnswer(problem)

    def _check(self) -> None:
        if self._stop.is_set():
            raise StepStopped
        if self._ended():
            raise ServerEnded

    def _get(self, path: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(ADDRESS, self._port, timeout=_PING_SECONDS)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def _post(self, payload: bytes) -> tuple[int, bytes, str]:
        connection: http.client.HTTPConnection | None = getattr(self._own, "connection", None)
        if connection is None:
            connection = http.client.HTTPConnection(ADDRESS, self._port, timeout=self._seconds)
            self._own.connection = connection
            self._connections.append(connection)
        try:
            connection.request("POST", "/invocations", payload, self._headers)
            response = connection.getresponse()
            return response.status, response.read(), response.headers.get("Content-Type") or ""
        except BaseException:
            connection.close()
            raise
