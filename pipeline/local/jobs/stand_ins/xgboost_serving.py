"""Stands in for SageMaker's built-in XGBoost where its image cannot serve: a model of a training job over HTTP.

Written after sagemaker-xgboost-container: GET /ping and /execution-parameters, POST /invocations of
CSV (the default) or libsvm, without labels. Answers text/csv: predictions with commas, in a batch transform
(SAGEMAKER_BATCH) a line each. A payload that is not of its type is 415, one that does not fit the model 400. Not
done: RecordIO, selected inferences, JSON answers.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
from collections.abc import Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse
import xgboost

_CSV, _LIBSVM = "text/csv", ("text/libsvm", "text/x-libsvm")
_SILENT_SECONDS = 660.0


class Refused(Exception):
    """A payload is refused with the HTTP `status`."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def main(argv: Sequence[str] | None = None, environ: Mapping[str, str] = os.environ) -> int:
    """Serve until SIGTERM; returns the exit status."""
    args = parse_args(argv, environ)
    try:
        model = Model(load(args.model_dir), batch=bool(environ.get("SAGEMAKER_BATCH")))
    except (OSError, ValueError, xgboost.core.XGBoostError) as error:
        print(f"Unable to load model: {error}", file=sys.stderr)
        return 1
    server = HTTPServer((args.host, args.port), model)
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    server.serve_forever()
    return 0


def parse_args(argv: Sequence[str] | None, environ: Mapping[str, str]) -> argparse.Namespace:
    """Where the model lies and what to listen at; the defaults are the container contract's."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0], allow_abbrev=False)
    parser.add_argument("--model-dir", type=Path, default=Path(environ.get("SM_MODEL_DIR", "/opt/ml/model")))
    parser.add_argument("--port", type=int, default=int(environ.get("SAGEMAKER_BIND_TO_PORT", "8080")))
    parser.add_argument("--host", default="127.0.0.1")
    return parser.parse_args(argv)


def load(folder: Path) -> xgboost.Booster:
    """The booster in a model's folder: the first file, in xgboost's own format or as old images pickled it.

    Raises:
        ValueError: there is no file, or it is neither.
    """
    files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    if not files:
        raise ValueError(f"no file in {folder}")
    content = files[0].read_bytes()
    if content[:1] == b"\x80":
        import pickle  # noqa: TID251 # what old images write

        booster = pickle.loads(content)
        if not isinstance(booster, xgboost.Booster):
            raise ValueError(f"{files[0].name} holds no xgboost.Booster")
        return booster
    booster = xgboost.Booster()
    booster.load_model(bytearray(content))
    return booster


class Model:
    """A booster that answers payloads. Used from several threads: its predictions are made one after another."""

    def __init__(self, booster: xgboost.Booster, *, batch: bool) -> None:
        """`batch`: answers are for a batch transform."""
        self._booster = booster
        self._batch = batch
        self._lock = threading.Lock()

    def answer(self, payload: bytes, content_type: str) -> bytes:
        """The predictions for a payload. Raises Refused."""
        kind = content_type.partition(";")[0].strip().lower() or _CSV
        if kind != _CSV and kind not in _LIBSVM:
            raise Refused(415, f"Content-type {kind} not supported. Supported: {_CSV}, {', '.join(_LIBSVM)}")
        try:
            rows = _read_csv(payload) if kind == _CSV else _read_libsvm(payload)
        except ValueError as error:
            raise Refused(
                415, f"Loading {kind} data failed, please ensure it is in that format: {error}"
            ) from error
        try:
            with self._lock:
                best = self._booster.attr("best_iteration")
                predictions = self._booster.inplace_predict(
                    self._fitting(rows), iteration_range=(0, 0 if best is None else int(best) + 1)
                )
        except (ValueError, xgboost.core.XGBoostError) as error:
            raise Refused(400, f"Unable to evaluate payload provided: {str(error).strip()}") from error
        texts = [str(each) for each in np.asarray(predictions).tolist()]
        return ("\n".join(texts) + "\n" if self._batch else ",".join(texts)).encode()

    def _fitting(self, rows: Any) -> Any:
        """The rows with as many columns as the model has features, which trailing zeros of libsvm leave out."""
        wanted = self._booster.num_features()
        if scipy.sparse.issparse(rows) and rows.shape[1] < wanted:
            rows.resize((rows.shape[0], wanted))
        if rows.shape[1] != wanted:
            raise ValueError(f"the data have {rows.shape[1]} features, and the model {wanted}")
        return rows


def _read_csv(payload: bytes) -> Any:
    """Numbers with commas; an empty cell is missing."""
    lines = payload.decode("utf-8").strip().splitlines()
    cells = [[float(cell) if cell.strip() else np.nan for cell in line.split(",")] for line in lines]
    if len({len(row) for row in cells}) != 1:
        raise ValueError("rows of different lengths")
    return np.array(cells, np.float32)


def _read_libsvm(payload: bytes) -> Any:
    """`index:value …` a line; what has no colon, a label, is passed over."""
    values: list[float] = []
    columns: list[int] = []
    starts = [0]
    for line in payload.decode("utf-8").strip().splitlines():
        for word in line.split():
            index, colon, value = word.partition(":")
            if colon:
                columns.append(int(index))
                values.append(float(value))
        starts.append(len(columns))
    shape = (len(starts) - 1, max(columns, default=0) + 1)
    return scipy.sparse.csr_matrix((np.array(values, np.float32), columns, starts), shape=shape)


class HTTPServer(ThreadingHTTPServer):
    """Serves a model."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], model: Model) -> None:
        super().__init__(address, _Handler)
        self.model = model


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = _SILENT_SECONDS
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        if self.path == "/ping":
            self._send(200, b"", "text/plain")
        elif self.path == "/execution-parameters":
            wanted = {
                "MaxConcurrentTransforms": os.cpu_count() or 1,
                "BatchStrategy": "MULTI_RECORD",
                "MaxPayloadInMB": 6,
            }
            self._send(200, json.dumps(wanted).encode(), "application/json")
        else:
            self._send(404, b"Not Found", "text/plain")

    def do_POST(self) -> None:
        if self.path != "/invocations":
            self._send(404, b"Not Found", "text/plain")
            return
        payload = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if not payload:
            self._send(204, b"", "text/plain")
            return
        assert isinstance(self.server, HTTPServer)
        try:
            answer = self.server.model.answer(payload, self.headers.get("Content-Type") or "")
        except Refused as error:
            print(error, file=sys.stderr, flush=True)
            self._send(error.status, str(error).encode(), "text/html; charset=utf-8")
            return
        self._send(200, answer, "text/csv; charset=utf-8")

    def log_message(self, format: str, *args: Any) -> None:
        """A line for each request would hide what matters in a job's log."""

    def _send(self, status: int, content: bytes, kind: str) -> None:
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


if __name__ == "__main__":
    sys.exit(main())
