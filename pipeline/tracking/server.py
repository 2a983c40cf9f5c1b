"""Starts and ends the process that shows the local store (server_process.py)."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pipeline.errors import StateError
from pipeline.tracking.environment import server_environment

_REPOSITORY = Path(__file__).resolve().parents[2]
_LOG = "server.log"


@contextmanager
def mlflow_server(
    folder: Path, listening: socket.socket, environ: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """MLflow on the local store in `folder`, at `listening`, until the block ends; it answers when the block
    begins.

    Raises:
        StateError: it did not come up.
    """
    log = folder / _LOG
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "pipeline.tracking.server_process", str(folder), str(listening.fileno())],
            cwd=_REPOSITORY,
            env=server_environment(environ),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=out,
            pass_fds=(listening.fileno(),),
            start_new_session=True,
        )
    listening.close()  # Only the process answers from here on.
    try:
        assert process.stdout is not None
        if not process.stdout.readline():
            last = log.read_text(errors="replace").strip().splitlines()[-1:]
            raise StateError(
                f"Could not start MLflow on {folder}: {last[0] if last else 'it wrote nothing'}. All it "
                f"said is in {log}."
            )
        yield process
    finally:
        process.kill()
        with contextlib.suppress(OSError), process:
            pass
