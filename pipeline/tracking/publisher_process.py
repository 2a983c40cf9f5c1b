"""The publisher's process: `python -m pipeline.tracking.publisher_process FOLDER CALL_SECONDS RUN_SECONDS`.

Each line of its standard input is a Batch (runs.py), and the last one is `{"end": true}`: then it writes what
is left to write, and ends. The last thing that it prints is a JSON object: `{"stopped": why}` when it gives up,
`{"done": true}` when all is published. It ends when its standard input does: its parent's death closes that.

FOLDER is where publishers take turns, so that two of them do not make the same run twice. CALL_SECONDS is "-"
for the local store, which lies in FOLDER.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import sqlite3
import sys
import threading
import time
from pathlib import Path
from typing import Any, TextIO

from pipeline.tracking.patience import Patience
from pipeline.tracking.runs import Batch, DeletedError, newest_by_step, read_batch
from pipeline.tracking.turns import turn

# Between attempts, each twice as long as the one before.
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 1.0, 60.0
# HTTP statuses that another attempt may change.
_PASSING = frozenset({408, 425, 429})
_CHANCES_AT_THE_END = 2
_LONGEST_REASON = 300

Pending = dict[tuple[str, str], Batch]


def main() -> None:
    """Publish what standard input says, until it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    folder, call_seconds, run_seconds = sys.argv[1:]
    uri = os.environ["MLFLOW_TRACKING_URI"]  # It may hold a password, which others see in arguments.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    # MLflow prints, too: where it shows a run, for example.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    os.chdir(folder)
    patience = Patience(None if call_seconds == "-" else float(call_seconds), float(run_seconds))
    incoming: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(incoming,), daemon=True).start()
    _tell(answers, _publish_all(uri, Path(folder), patience, incoming))
    # Without waiting for calls that were given up.
    os._exit(0)


def _receive(incoming: queue.SimpleQueue[dict[str, Any] | None]) -> None:
    """Hands on each line of standard input, and None at its end."""
    for line in sys.stdin.buffer:
        incoming.put(json.loads(line))
    incoming.put(None)


def _publish_all(
    uri: str, folder: Path, patience: Patience, incoming: queue.SimpleQueue[dict[str, Any] | None]
) -> dict[str, Any]:
    """Publishes until the end is told; returns the last thing to say."""
    ledger = None
    pending: Pending = {}
    ending = False
    pause, next_attempt, failures = 0.0, 0.0, 0
    while True:
        wait = max(0.0, next_attempt - time.monotonic()) if pending else None
        try:
            message = incoming.get(timeout=wait)
        except queue.Empty:
            message = {}
        if message is None:
            os._exit(0)  # Nobody is there any more.
        if "runs" in message:
            _add(pending, read_batch(message))
        if "end" in message:
            ending, next_attempt = True, 0.0
        elif not incoming.empty() or time.monotonic() < next_attempt:
            continue  # Whatever is newer says it all.
        try:
            for key in list(pending):
                with turn(folder):
                    ledger = ledger or _open(uri, folder, patience)
                    ledger.publish(pending[key])
                del pending[key]
            pause = 0.0
        except Exception as error:
            reason, lasting = _explain(error)
            failures += ending
            # At the end the user waits: a server that is just starting gets one more chance.
            if lasting or patience.left <= 0 or failures == _CHANCES_AT_THE_END:
                return {"stopped": reason}
            pause = min(max(2 * pause, _FIRST_PAUSE_SECONDS), _LONGEST_PAUSE_SECONDS)
            if ending:
                pause = _FIRST_PAUSE_SECONDS
                patience.lost += pause
            next_attempt = time.monotonic() + pause
        if ending and not pending:
            return {"done": True}


def _add(pending: Pending, batch: Batch) -> None:
    """Keeps of each run what was said last."""
    key = batch.experiment, batch.execution
    earlier = pending[key].runs if key in pending else ()
    runs = newest_by_step([*earlier, *batch.runs])
    pending[key] = Batch(batch.experiment, batch.execution, tuple(runs.values()))


def _open(uri: str, folder: Path, patience: Patience) -> Any:
    """The ledger at `uri`. Imports MLflow, which takes seconds."""
    from mlflow.tracking import MlflowClient

    from pipeline.tracking.ledger import Ledger

    artifacts = (folder / "artifacts").as_uri() if uri.startswith("sqlite:") else None
    return Ledger(MlflowClient(uri), patience, artifacts)


def _explain(error: Exception) -> tuple[str, bool]:
    """Why a call failed, in one line, and whether it would fail again."""
    if isinstance(error, ImportError):
        return f"MLflow could not be imported ({error})", True
    text = _system_fault(error) or " ".join(str(error).split())[:_LONGEST_REASON] or type(error).__name__
    # MlflowException has it. Without importing MLflow, which may be what failed.
    status = getattr(error, "get_http_status_code", lambda: 0)()
    return text, isinstance(error, DeletedError) or (400 <= status < 500 and status not in _PASSING)


def _system_fault(error: BaseException | None) -> str | None:
    """What the system said, which MLflow and its HTTP client wrap in many words; None where it is not the
    system's."""
    while error is not None:
        if isinstance(error, OSError) and error.errno is not None and error.strerror:
            return error.strerror
        if isinstance(error, sqlite3.Error):
            return str(error)
        reason = next((each for each in error.args if isinstance(each, BaseException)), None)
        error = error.__cause__ or error.__context__ or getattr(reason, "reason", None) or reason
    return None


def _tell(answers: TextIO, what: dict[str, Any]) -> None:
    with contextlib.suppress(OSError):  # Nobody is there any more.
        print(json.dumps(what), file=answers, flush=True)


if __name__ == "__main__":
    main()
