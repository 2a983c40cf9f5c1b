"""The command `serve`: a real model in a process of its own, asked over HTTP and ended by signals."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from pipeline.cli.main import main
from pipeline.inference.serving.capture_form import Captured, captured_of
from pipeline.inference.serving.server import bound_socket
from tests.pipeline.inference.predicting.tiny_model import expected_probabilities

ROOT = Path(__file__).resolve().parents[4]
PATIENCE = 120.0


class Server:
    """The command while it runs."""

    def __init__(self, home, log, *words):
        self.log = log
        with log.open("wb") as stream:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "pipeline", "serve", "--port", "0", *words],
                cwd=ROOT, env={**os.environ, "FASHION_HOME": str(home)}, stdin=subprocess.DEVNULL,
                stdout=stream, stderr=subprocess.STDOUT,
            )  # fmt: skip
        deadline = time.monotonic() + PATIENCE
        while not (found := re.search(r"Serving (.*) at (http://[^/]+)(\S+:predict)", self.said)):
            assert self.process.poll() is None, self.said
            assert time.monotonic() < deadline, self.said
            time.sleep(0.05)
        self.model, self.url, self.path = found.groups()

    @property
    def said(self):
        return self.log.read_text()

    def ask(self, images):
        body = json.dumps({"instances": images.tolist()}).encode()
        with urllib.request.urlopen(self.url + self.path, body, timeout=PATIENCE) as answer:
            return json.load(answer)["predictions"]

    def end(self, number):
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)


@pytest.fixture(scope="module")
def server(registered_home, tmp_path_factory):
    server = Server(registered_home, tmp_path_factory.mktemp("serve") / "log")
    yield server
    server.process.kill()
    server.process.wait()


def test_the_newest_approved_model_is_served_on_loopback_alone(server):
    assert server.model == "fashion-mnist version 1 (bands, seed 0, Approved)"
    assert server.url.startswith("http://127.0.0.1:")
    with urllib.request.urlopen(f"{server.url}/v1/models/fashion-mnist", timeout=PATIENCE) as answer:
        assert json.load(answer)["model_version_status"][0]["version"] == "1"


def test_requests_at_once_get_the_models_own_answers(server):
    """Of different sizes, so that mixed-up answers would not fit."""
    random = np.random.default_rng(0)
    batches = [random.integers(0, 256, (1 + number % 7, 28, 28), dtype=np.uint8) for number in range(40)]
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(server.ask, batches))
    for images, answer in zip(batches, answers, strict=True):
        expected = expected_probabilities(images)
        found = np.array([each["probabilities"] for each in answer])
        assert np.abs(found - expected).max() < 1e-6
        assert [each["class_id"] for each in answer] == expected.argmax(axis=1).tolist()


def test_lines_about_requests_at_once_are_whole(server):
    def ping(number):
        with urllib.request.urlopen(f"{server.url}/ping?{number}", timeout=PATIENCE) as answer:
            return answer.status

    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(ping, range(200))) == {200}
    lines = [line for line in server.said.splitlines() if "/ping?" in line]
    assert sorted(lines) == sorted(f"GET /ping?{number} HTTP/1.1 → 200" for number in range(200))


def test_the_metadata_have_the_signature(server):
    with urllib.request.urlopen(f"{server.url}/v1/models/fashion-mnist/metadata", timeout=PATIENCE) as answer:
        document = json.load(answer)
    assert document["model_spec"] == {"name": "fashion-mnist", "signature_name": "", "version": "1"}
    signature = document["metadata"]["signature_def"]["signature_def"]["serving_default"]
    assert signature["inputs"]["images"]["dtype"] == "DT_UINT8"


def test_a_signal_under_load_leaves_no_request_without_its_answer(registered_home, tmp_path):
    """Each client gets its whole answer or is refused the connection: nobody is left in between."""
    server = Server(registered_home, tmp_path / "log", "--quiet")
    body = json.dumps({"instances": np.zeros((40, 28, 28), int).tolist()}).encode()
    answered: list[int] = []
    refused: list[OSError] = []
    others: list[BaseException] = []

    def ask_until_refused(_):
        while not refused and not others:
            try:
                with urllib.request.urlopen(server.url + server.path, body, timeout=PATIENCE) as answer:
                    answered.append(len(json.load(answer)["predictions"]))
            except OSError as error:  # urllib wraps what goes wrong with a request, not with an answer
                if isinstance(getattr(error, "reason", None), ConnectionRefusedError):
                    refused.append(error)
                else:
                    others.append(error)

    try:
        with ThreadPoolExecutor(8) as pool:
            asking = [pool.submit(ask_until_refused, number) for number in range(8)]
            while len(answered) < 20:
                assert not others
                time.sleep(0.01)
            assert server.end(signal.SIGTERM) == 0
            for each in asking:
                each.result(PATIENCE)
    finally:
        server.process.kill()
    assert set(answered) == {40}
    assert not others
    assert refused
    assert server.said.endswith("Ended.\n")


def test_what_is_asked_until_the_end_is_captured(registered_home, tmp_path):
    server = Server(registered_home, tmp_path / "log", "--capture", str(tmp_path / "captured"))
    try:
        (answer,) = server.ask(np.zeros((1, 28, 28), np.uint8))
        assert server.end(signal.SIGTERM) == 0
    finally:
        server.process.kill()
    (file,) = (path for path in (tmp_path / "captured").rglob("*") if path.is_file())
    captured = captured_of(str(file))
    assert captured == Captured(1, "local-fashion-mnist", "AllTraffic")
    (line,) = file.read_text().splitlines()
    data = json.loads(line)["captureData"]
    assert json.loads(data["endpointInput"]["data"]) == {"instances": [[[0] * 28] * 28]}
    assert json.loads(data["endpointOutput"]["data"])["predictions"] == [answer]
    assert server.said.endswith(f"Captured 1 request in {tmp_path}/captured/model-version-1.\nEnded.\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--capture", ""], "--capture is empty. Name a folder, or s3://BUCKET/PREFIX."),
        (["--capture", "gs://b/x"], "Could not capture in gs://b/x. Name a folder, or s3://BUCKET/PREFIX."),
        (["--capture", "x", "--capture-percent", "0"], "--capture-percent must be from 1 to 100 (got 0)."),
        (
            ["--capture", "x", "--capture-percent", "101"],
            "--capture-percent must be from 1 to 100 (got 101).",
        ),
        (["--capture", "x", "--capture-limit", "0"], "--capture-limit must be at least 1 MiB (got 0)."),
        (["--capture-percent", "5"], "--capture-percent needs --capture DIR-OR-S3, which says where to."),
    ],
)
def test_a_capture_that_cannot_be_is_refused_before_anything_is_loaded(words, said, capsys):
    assert main(["serve", *words]) == 2
    assert capsys.readouterr().err == f"error: {said}\n"


def test_an_error_is_tensorflow_servings(server):
    with pytest.raises(urllib.error.HTTPError) as error:
        server.ask(np.zeros((1, 3, 3), int))
    with error.value as answer:
        assert (answer.code, json.load(answer)["error"]) == (
            400,
            "Input 'images' must have the shape [?,28,28], not [1,3,3]",
        )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_cleanly_and_frees_the_port(number, registered_home, tmp_path):
    server = Server(registered_home, tmp_path / "log", "--model", "2", "--quiet")
    try:
        server.ask(np.zeros((1, 28, 28), int))
        assert server.end(number) == 0
    finally:
        server.process.kill()
    assert server.said.endswith("Ended.\n")
    assert "Traceback" not in server.said
    assert "POST" not in server.said
    assert "Note on version 2 of fashion-mnist: it is PendingManualApproval." in server.said
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2])), timeout=5)
    assert list((registered_home / "tmp").glob(f"{server.process.pid}-*")) == []


def test_a_signal_that_another_thread_gets_ends_it_too(registered_home, monkeypatch, capsys):
    monkeypatch.setenv("FASHION_HOME", str(registered_home))
    with bound_socket("127.0.0.1", 0) as free:
        port = free.getsockname()[1]

    def signal_this_thread():
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/ping", timeout=PATIENCE):
            signal.pthread_kill(threading.get_ident(), signal.SIGTERM)

    def ask_until_answered():
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            with suppress(OSError):
                signal_this_thread()
                break
            time.sleep(0.1)

    with ThreadPoolExecutor(1) as pool:
        pool.submit(ask_until_answered)
        assert main(["serve", "--port", str(port)]) == 0
    assert capsys.readouterr().err.endswith("Ended.\n")


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["--port", "70000"], 2, "the port must be from 0 to 65535"),
        (["--host", "192.0.2.1"], 2, "Cannot assign requested address. Choose another port"),
        (["--port", "0", "--model", "9"], 2, "has no version 9"),
        (["--port", "0", "--model", "4"], 1, "which was registered"),
    ],
)
def test_what_cannot_be_served_is_told(words, status, message, registered_home, monkeypatch, capsys):
    monkeypatch.setenv("FASHION_HOME", str(registered_home))
    assert main(["serve", *words]) == status
    assert message in capsys.readouterr().err
