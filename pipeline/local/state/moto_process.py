"""The moto server's process: `python -m pipeline.local.state.moto_process DESCRIPTOR FOLDER` (moto_server.py).

DESCRIPTOR is the socket that it listens at, which it inherits. FOLDER is the state folder, where its S3 keeps what
it has. It reads a line of standard input: a JSON object with the key that must sign requests (`access_key`,
`secret_key`) and what else the server is called (`names`). It prints `{}` when it is ready, or `{"error": …}`.
From then on each line of its input is a command, answered by such a line (see `_obey`), and it ends when its
standard input does: its parent's death closes that, however the parent dies.
"""

from __future__ import annotations

import errno
import json
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

from pipeline.errors import FashionError, StateError
from pipeline.local.state.credentials import Credentials
from pipeline.local.state.fault_injection import faults_from, faulty
from pipeline.local.state.guarded import Guarded, RawRequests
from pipeline.local.state.isolation import BUCKET
from pipeline.local.state.moto_objects import KeptS3
from pipeline.local.state.objects import Objects
from pipeline.local.state.registry_state import RegistryState
from pipeline.local.state.signatures import Verifier
from pipeline.local.state.state_dir import Home
from pipeline.local.state.store import Store

_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
StartResponse = Callable[..., object]
Application = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]


class _Handler(RawRequests, MotoRequestHandler):  # type: ignore[misc]
    # Connections are kept open and small answers sent at once: both halve the time of a small request.
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_request(self, *args: object) -> None:
        """Requests are not logged."""

    def handle_expect_100(self) -> bool:
        """Werkzeug answers `Expect: 100-continue` itself; the standard library would do so a second time."""
        return True


class _OneAtATime:
    """Hands moto one request at a time: its dictionaries are not made for several threads.

    Bodies are received before (by Guarded), and sent after, the wait for each other.
    """

    def __init__(self, application: Callable[..., Iterable[bytes]]) -> None:
        self._application = application
        self.lock = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        try:
            with self.lock:
                return self._application(environ, start_response)
        except OSError as error:
            if error.errno not in _NO_SPACE:
                raise
            return _disk_full(start_response)


def _disk_full(start_response: StartResponse) -> list[bytes]:
    """An S3 error that clients show and do not repeat."""
    text = f"the disk of {os.environ.get('TMPDIR', 'the temporary folder')} is full: free some space"
    body = f"<Error><Code>InsufficientStorage</Code><Message>{text}</Message></Error>".encode()
    start_response(
        "507 Insufficient Storage", [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))]
    )
    return [body]


def _obey(command: dict[str, str], kept: KeptS3, lock: threading.Lock) -> dict[str, str]:
    """What the parent's command comes to: {} when it is done, or else the "error".

    {"do": "save"}: bring the index up to date. {"do": "reload", "bucket": …, "prefix": …}: the parent has changed
    what is in the index below a prefix.
    """
    try:
        with lock:
            if command["do"] == "save":
                kept.save()
            else:
                kept.reload(command["bucket"], command["prefix"])
    except FashionError as error:
        return {"error": str(error)}
    return {}


def _restore(registry: RegistryState, host: str, application: Application, credentials: Credentials) -> None:
    """Put the saved model packages back, by the same requests as anybody's, before anybody else is answered.

    Raises:
        StateError: they cannot be read, or get other names than they had.
    """
    if not registry.groups() and not registry.packages():
        return
    from pipeline.local.state.clients import LoopbackSession

    server = make_server(host, 0, application, threaded=True, request_handler=_Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        registry.restore(
            LoopbackSession(f"http://{host}:{server.server_port}", credentials).client("sagemaker")
        )
    finally:
        server.shutdown()
        server.server_close()


def _serve(descriptor: int, home: Home, told: dict[str, Any]) -> tuple[KeptS3, threading.Lock]:
    """Answer whoever asks at the socket from now on; returns what the parent commands.

    Raises:
        StateError: the saved model packages cannot be put back.
    """
    credentials = Credentials(told["access_key"], told["secret_key"])
    with socket.socket(fileno=os.dup(descriptor)) as listening:
        host, port = listening.getsockname()[:2]
    application = DomainDispatcherApplication(create_backend_app)
    # Most who ask ask for S3; moto loads the other services when they are asked for.
    application.app_instances["s3"] = create_backend_app("s3")
    store = Store(home)
    kept = KeptS3(application, Objects(home, store))
    kept.reload(BUCKET, "")
    one_at_a_time = _OneAtATime(kept)
    guarded = Guarded(one_at_a_time, Verifier(credentials), frozenset(told["names"]))
    _restore(RegistryState(store), host, guarded, credentials)
    served = faulty(guarded, faults_from(os.environ).server)
    server = make_server(host, port, served, threaded=True, request_handler=_Handler, fd=descriptor)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    threading.Thread(target=kept.save_now_and_then, daemon=True).start()
    return kept, one_at_a_time.lock


def main() -> None:
    """Serve at the socket that is the first argument, until standard input ends."""
    told = json.loads(sys.stdin.buffer.readline())
    with os.fdopen(os.dup(sys.stdout.fileno()), "w") as answers:

        def answer(said: dict[str, str]) -> None:
            print(json.dumps(said), file=answers, flush=True)

        # What moto prints goes to the log.
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        try:
            kept, lock = _serve(int(sys.argv[1]), Home(Path(sys.argv[2])), told)
        except StateError as error:
            answer({"error": str(error)})
            return
        answer({})
        for line in sys.stdin.buffer:
            answer(_obey(json.loads(line), kept, lock))
    with suppress(StateError):
        kept.save()
    # Without waiting for requests under way: whoever asked is gone.
    os._exit(0)


if __name__ == "__main__":
    main()
