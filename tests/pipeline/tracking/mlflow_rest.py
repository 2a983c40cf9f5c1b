"""MLflow's REST API, asked as any client would, and everything that an experiment holds as plain values."""

from __future__ import annotations

import json
import socket
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.tracking.server import mlflow_server


@dataclass(frozen=True)
class Rest:
    """The REST API at `url`."""

    url: str

    def ask(self, path: str, body: dict[str, Any] | None = None, **query: str) -> Any:
        address = f"{self.url}/api/2.0/mlflow/{path}"
        if query:
            address += f"?{urllib.parse.urlencode(query)}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(address, data, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def experiment(self, name: str) -> str:
        """The id of the experiment."""
        found = self.ask("experiments/get-by-name", experiment_name=name)
        return str(found["experiment"]["experiment_id"])

    def runs(self, experiment: str) -> dict[str, dict[str, Any]]:
        """By name all that the runs of an experiment hold; two of one name are a failure."""
        ids = [self.experiment(experiment)]
        runs: dict[str, dict[str, Any]] = {}
        for run in self.ask("runs/search", {"experiment_ids": ids, "max_results": 1000}).get("runs", []):
            data, info = run["data"], run["info"]
            assert info["run_name"] not in runs, f"{info['run_name']} is there twice"
            runs[info["run_name"]] = {
                "id": info["run_id"],
                "status": info["status"],
                "start": info["start_time"],
                "end": info.get("end_time"),
                "params": {each["key"]: each["value"] for each in data.get("params", [])},
                "tags": {each["key"]: each["value"] for each in data.get("tags", [])},
                "metrics": {
                    each["key"]: self.history(info["run_id"], each["key"]) for each in data.get("metrics", [])
                },
                "files": self.files(info["run_id"]),
            }
        return runs

    def history(self, run: str, key: str) -> list[tuple[int, Any, int]]:
        """The points of a metric: step, value, milliseconds."""
        found = self.ask("metrics/get-history", run_id=run, metric_key=key)["metrics"]
        return sorted((int(each.get("step", 0)), each["value"], int(each["timestamp"])) for each in found)

    def files(self, run: str) -> list[str]:
        """The names of a run's artifacts."""
        return sorted(each["path"] for each in self.ask("artifacts/list", run_id=run).get("files", []))


@contextmanager
def served(folder: Path) -> Iterator[Rest]:
    """A real MLflow server on the store in `folder`, while the block lasts."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        with mlflow_server(folder, listening, {"PATH": "/usr/bin:/bin"}):
            yield Rest(f"http://127.0.0.1:{port}")
