"""A state folder with registered models."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.pipeline.inference.predicting.tiny_model import make_home
from tests.shared import made_once


@pytest.fixture(scope="session")
def registered_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The state folder of tiny_model.make_home, beside its model.tar.gz. Read-only: copy it to change it."""
    made = made_once(tmp_path_factory, "registered", lambda folder: str(make_home(folder).parent))
    return Path(shutil.copytree(made, tmp_path_factory.mktemp("copied") / "registered")) / "home"
