"""A store that MLflow has made already, which takes it seconds."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.local.state.state_dir import Home
from tests.pipeline.tracking.mlflow_rest import Rest, served


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a local store without executions. Read-only: see `home`."""
    folder = tmp_path_factory.mktemp("empty-store")
    with served(folder):
        pass
    return folder


@pytest.fixture
def home(tmp_path: Path, empty_store: Path) -> Home:
    """A state folder with a store of its own."""
    home = Home.open(tmp_path / "a state folder")
    (home.root / "mlflow").mkdir()
    shutil.copy(empty_store / "mlflow.db", home.root / "mlflow")
    return home


@pytest.fixture(scope="module")
def server(empty_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rest]:
    """A real MLflow server, for the tests of a module."""
    folder = tmp_path_factory.mktemp("server")
    shutil.copy(empty_store / "mlflow.db", folder)
    with served(folder) as rest:
        yield rest
