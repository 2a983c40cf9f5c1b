"""The moto server's process: `python -m pipeline.local.state.moto_process ADDRESS FOLDER` (moto_server.py).

It reads a line of standard input: a JSON object with the key that must sign requests (`access_key`, `secret_key`)
and what else the server is called (`names`). It prints its port when it is ready. From then on each line of its
input is a command, answered by a line (see `_obey`), and it ends when its standard input does: its parent's death
closes that, however the parent dies. FOLDER is the state folder, where its S3 keeps what it has.
"""

from __future__ import annotations

import errno
import json
import os
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
from pipeline.local.state.moto_objects import KeptS3
from pipeline.local.state.objects import Objects
from pipeline.local.state.signatures import Verifier
from pipeline.local.state.state_dir import Home
from pipeline.local.state.store import Store

_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
StartResponse = Callable[..., object]


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


def main() -> None:
    """Serve on a free port of the address that is the first argument, until standard input ends."""
    told = json.loads(sys.stdin.buffer.readline())
    verifier = Verifier(Credentials(told["access_key"], told["secret_key"]))
    application = DomainDispatcherApplication(create_backend_app)
    # Every command asks for S3; moto loads the other services when they are asked for.
    application.app_instances["s3"] = create_backend_app("s3")
    home = Home(Path(sys.argv[2]))
    kept = KeptS3(application, Objects(home, Store(home)))
    one_at_a_time = _OneAtATime(kept)
    guarded = Guarded(one_at_a_time, verifier, frozenset(told["names"]))
    served = faulty(guarded, faults_from(os.environ).server)
    server = make_server(sys.argv[1], 0, served, threaded=True, request_handler=_Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    threading.Thread(target=kept.save_now_and_then, daemon=True).start()
    with os.fdopen(os.dup(sys.stdout.fileno()), "w") as answers:
        print(server.server_port, file=answers, flush=True)
        # What moto prints goes to the log.
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        for line in sys.stdin.buffer:
            print(json.dumps(_obey(json.loads(line), kept, one_at_a_time.lock)), file=answers, flush=True)
    with suppress(StateError):
        kept.save()
    # Without waiting for requests under way: whoever asked is gone.
    os._exit(0)


if __name__ == "__main__":
    main()
