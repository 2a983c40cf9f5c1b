"""The process that shows the local store: `python -m pipeline.tracking.server_process FOLDER DESCRIPTOR`.

It serves MLflow's Flask application, pages and REST API, on the socket that it inherits as DESCRIPTOR, prints a
line when it does, and ends when its standard input does: its parent's death closes that, however the parent dies.

Not `mlflow server`: that is several processes, and its other application has an assistant that runs commands,
and jobs, for whoever reaches the port. This one has neither, and answers no page of another site.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from pipeline.loopback_requests import foreign_request
from pipeline.tracking.turns import turn

DATABASE = "sqlite:///mlflow.db"
_FORBIDDEN = "403 Forbidden"
Application = Callable[..., Iterable[bytes]]


def main() -> None:
    """Serve until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    folder, descriptor = Path(sys.argv[1]), int(sys.argv[2])
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    os.chdir(folder)
    with turn(folder):  # It makes the database, or brings it up to date.
        application = mlflow_application((folder / "artifacts").as_uri())

    from pipeline.inference.serving.server import serving

    with serving(socket.socket(fileno=descriptor), own_requests_only(application)):
        print("ready", file=answers, flush=True)
        sys.stdin.buffer.read()
        # Without waiting for requests under way.
        os._exit(0)


def mlflow_application(artifacts: str) -> Application:
    """MLflow's Flask application on the database in the working folder; `artifacts` is where new experiments
    keep files."""
    # By its own names: it reads them when it is imported, and at requests.
    os.environ.update({"_MLFLOW_SERVER_FILE_STORE": DATABASE, "_MLFLOW_SERVER_ARTIFACT_ROOT": artifacts})
    from mlflow.server import app
    from mlflow.server.handlers import initialize_backend_stores

    initialize_backend_stores(DATABASE, DATABASE, artifacts)
    served: Application = app
    return served


def own_requests_only(application: Application) -> Application:
    """`application` for requests of this machine's user alone, as `serve` answers them."""

    def guarded(environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
        if (why := foreign_request(environ, frozenset())) is not None:
            start_response(_FORBIDDEN, [("Content-Type", "text/plain; charset=utf-8")])
            return [f"{why}.\n".encode()]
        return application(environ, start_response)

    return guarded


if __name__ == "__main__":
    main()
