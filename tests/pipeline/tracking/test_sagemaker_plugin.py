"""Publishing to an MLflow app of SageMaker: through its plugin, to a real MLflow server in its place."""

from __future__ import annotations

import http.client
import os
import threading
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pipeline.local.state.state_dir import Home
from pipeline.tracking.place import find_place
from pipeline.tracking.publisher import Publisher
from pipeline.tracking.runs import Artifact, Batch, Run
from tests.pipeline.tracking.mlflow_rest import Rest

ACCOUNT = "arn:aws:sagemaker:eu-west-1:123456789012"
APP, SERVER = f"{ACCOUNT}:mlflow-app/app-ABCDEFGHIJKL", f"{ACCOUNT}:mlflow-tracking-server/mine"


class Forwarder(BaseHTTPRequestHandler):
    """Hands each request on to the MLflow server, and keeps its headers."""

    place: str
    seen: list[dict[str, str]]

    def do_GET(self) -> None:
        self._forward()

    def do_POST(self) -> None:
        self._forward()

    def _forward(self) -> None:
        self.seen.append({name.lower(): value for name, value in self.headers.items()})
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        connection = http.client.HTTPConnection(self.place, timeout=60)
        connection.request(self.command, self.path, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        content = answer.read()
        self.send_response(answer.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args: object) -> None:
        """Nothing is logged."""


@contextmanager
def forwarding(server: Rest) -> Iterator[tuple[str, list[dict[str, str]]]]:
    """The URL that stands for the service, and the headers that it gets."""
    seen: list[dict[str, str]] = []
    members = {"place": urllib.parse.urlsplit(server.url).netloc, "seen": seen}
    with ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Forwarder,), members)) as listening:
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.server_port}", seen
        finally:
            listening.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("arn", "header", "service"),
    [
        (APP, "x-sm-mlflow-app-arn", "sagemaker"),
        (SERVER, "x-mlflow-sm-tracking-server-arn", "sagemaker-mlflow"),
    ],
)
def test_an_execution_is_published_signed_and_routed(
    server: Rest, tmp_path: Path, arn: str, header: str, service: str
) -> None:
    name = arn.rpartition(":")[2].partition("/")[0]
    run = Run("", "8f3a", "FINISHED", 1.0, 2.0, {"Epochs": "3"}, artifacts=(Artifact("a.json", text="{}"),))
    reasons: list[str] = []
    with forwarding(server) as (url, seen):
        user = {
            "PATH": os.environ["PATH"],
            "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "of-nobody",
            "SAGEMAKER_MLFLOW_CUSTOM_ENDPOINT": url,
        }
        place = find_place(arn, Home.open(tmp_path / "home"))
        publisher = Publisher(place, user, reasons.append, call_seconds=120, run_seconds=120)
        try:
            publisher.send(Batch(name, "8f3a", (run,)))
            publisher.end()
            assert publisher.finish(), reasons
        finally:
            publisher.close()
    published = server.runs(name)["8f3a"]
    assert (published["status"], published["params"], published["files"]) == (
        "FINISHED",
        {"Epochs": "3"},
        ["a.json"],
    )
    assert len(seen) > 3
    for headers in seen:
        assert headers[header] == arn
        signature = headers["authorization"]
        assert signature.startswith("AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/")
        assert f"/eu-west-1/{service}/aws4_request" in signature


def test_without_credentials_the_run_goes_on_and_the_reason_is_told(server: Rest, tmp_path: Path) -> None:
    reasons: list[str] = []
    user = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "AWS_EC2_METADATA_DISABLED": "true",
        "SAGEMAKER_MLFLOW_CUSTOM_ENDPOINT": server.url,
    }
    publisher = Publisher(find_place(APP, Home.open(tmp_path / "home")), user, reasons.append)
    try:
        publisher.send(Batch("unsigned", "8f3a", (Run("", "x", "RUNNING", 1.0),)))
        publisher.end()
        assert not publisher.finish()
    finally:
        publisher.close()
    assert len(reasons) == 1
    assert "redentials" in reasons[0] or "credentials" in reasons[0].lower()
