"""MLflow's pages and REST API on the local store, as the command starts them."""

from __future__ import annotations

import socket
import urllib.error
import urllib.request
from pathlib import Path

import psutil
import pytest

from pipeline.errors import StateError
from pipeline.local.state.state_dir import Home
from pipeline.tracking.server import mlflow_server
from tests.pipeline.tracking.mlflow_rest import Rest


def status(url: str, **headers: str) -> int:
    """The status of a GET."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=60) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_it_serves_the_pages_and_the_api(server: Rest) -> None:
    assert status(server.url) == 200
    assert {each["name"] for each in server.ask("experiments/search", {"max_results": 9})["experiments"]}


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "mlflow.example.com"},
        {"Origin": "https://example.com"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"},
    ],
)
def test_pages_of_other_sites_get_no_answer(server: Rest, headers: dict[str, str]) -> None:
    assert status(f"{server.url}/health", **headers) == 403
    assert status(f"{server.url}/health") == 200


@pytest.mark.parametrize(
    "path",
    ["ajax-api/3.0/mlflow/assistant/config", "ajax-api/3.0/jobs/search", "gateway/x/mlflow/invocations"],
)
def test_it_runs_no_commands_jobs_or_models(server: Rest, path: str) -> None:
    """`mlflow server` has an assistant with a shell for whoever reaches its port."""
    assert status(f"{server.url}/{path}") == 404


def test_it_is_one_process(home: Home) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as listening,
        mlflow_server(home.root / "mlflow", listening, {"PATH": "/usr/bin:/bin"}) as process,
    ):
        assert psutil.Process(process.pid).children(recursive=True) == []


def test_a_store_that_is_none_is_said_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_text("this is no database, and long enough to be looked at " * 50)
    with (
        socket.create_server(("127.0.0.1", 0)) as listening,
        pytest.raises(StateError, match=r"Could not start MLflow on .*server\.log"),
        mlflow_server(tmp_path, listening, {"PATH": "/usr/bin:/bin"}),
    ):
        pass
