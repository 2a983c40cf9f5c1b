"""A store that MLflow has made already, which takes it seconds."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.local.state.state_dir import Home
from tests.pipeline.tracking.mlflow_rest import Rest, served
from tests.shared import made_once


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a local store without executions, of all workers. Read-only: see `home`."""

    def make(folder: Path) -> str:
        with served(folder):
            return str(folder)

    return Path(made_once(tmp_path_factory, "empty-store", make))


@pytest.fixture
def home(tmp_path: Path, empty_store: Path) -> Home:
    """A state folder with a store of its own."""
    home = Home.open(tmp_path / "a state folder")
    (home.root / "mlflow").mkdir()
    shutil.copy(empty_store / "mlflow.db", home.root / "mlflow")
    return home


@pytest.fixture(scope="session")
def server(empty_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rest]:
    """A real MLflow server. Tests take experiments of their own."""
    folder = tmp_path_factory.mktemp("server")
    shutil.copy(empty_store / "mlflow.db", folder)
    with served(folder) as rest:
        yield rest
