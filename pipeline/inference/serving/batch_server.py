"""Serves a model's folder as SageMaker's TensorFlow container does, for a Transform step of the local engine.

pipeline/local/jobs/transform/server.py runs it as
`python -m pipeline.inference.serving.batch_server --model-dir D --port N`; it ends with SIGTERM. Where
LOCAL_SERVER_KEY is set, as for endpoints (pipeline/local/endpoint/model_server.py), it answers only what has that
in the header X-Local-Server-Key: other users of the machine can find the port.
"""

from __future__ import annotations

import argparse
import hmac
import os
import sys
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.errors import RegistryError, UsageError
from pipeline.interrupts import stop_on_signals

# What a transform job sends at once: CreateTransformJob, MaxPayloadInMB.
MOST_BYTES = 100 << 20
_SIGNAL_SECONDS = 0.2
_MODEL_VARIABLE = "SAGEMAKER_TFS_DEFAULT_MODEL_NAME"
_KEY_VARIABLE, _KEY_HEADER = "LOCAL_SERVER_KEY", "HTTP_X_LOCAL_SERVER_KEY"
_Application = Callable[[dict[str, Any], Any], Iterable[bytes]]


def main(argv: Sequence[str] | None = None, environ: Mapping[str, str] = os.environ) -> int:
    """Serve until a signal ends it; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0], allow_abbrev=False)
    parser.add_argument("--model-dir", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    args = parser.parse_args(argv)
    stop = threading.Event()
    try:
        with stop_on_signals(stop):
            _serve(args.model_dir, args.port, environ.get(_MODEL_VARIABLE), environ.get(_KEY_VARIABLE), stop)
    except (RegistryError, UsageError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _serve(folder: Path, port: int, named: str | None, key: str | None, stop: threading.Event) -> None:
    from pipeline.inference.predicting.saved_model import SavedModel
    from pipeline.inference.serving.application import Application
    from pipeline.inference.serving.server import bound_socket, serving

    saved = find_saved_model(folder, named)
    name = named or "model"
    application = Application(
        SavedModel(saved, f"the model in {folder}"),
        name,
        int(saved.name),
        lambda fault: print(fault, file=sys.stderr, flush=True),
        most_bytes=MOST_BYTES,
    )
    served = application if key is None else _locked(application, key)
    with bound_socket("127.0.0.1", port) as listening, serving(listening, served):
        print(f"Serving {saved.relative_to(folder)} of the model", flush=True)
        while not stop.wait(_SIGNAL_SECONDS):
            pass


def _locked(application: _Application, key: str) -> _Application:
    """The application, which answers only who knows the key."""

    def answering(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if hmac.compare_digest(environ.get(_KEY_HEADER, "").encode(), key.encode()):
            return application(environ, start_response)
        start_response("403 Forbidden", [("Content-Type", "text/plain")])
        return [b"Ask the endpoint by InvokeEndpoint."]

    return answering


def find_saved_model(folder: Path, named: str | None) -> Path:
    """The folder of the newest version of the SavedModel in a model's folder.

    It lies where the container looks for it: in a folder that is called by its number, with any folders around.
    `named` is the folder around the versions, where there are several models.

    Raises:
        UsageError: there is none, or there are several.
    """
    versions = [path.parent for path in folder.rglob("saved_model.pb") if path.parent.name.isdecimal()]
    models = {path.parent for path in versions}
    if len(models) > 1:
        models = {path for path in models if path.name == named}
    if len(models) != 1:
        there = ", ".join(sorted(str(path.relative_to(folder)) for path in versions)) or "none"
        raise UsageError(
            "The model's archive must have one SavedModel, in a folder that is a number, such as 1/saved_model.pb; "
            f"of several, {_MODEL_VARIABLE} names one. Found: {there}."
        )
    (model,) = models
    return max((path for path in versions if path.parent == model), key=lambda path: int(path.name))


if __name__ == "__main__":
    sys.exit(main())
