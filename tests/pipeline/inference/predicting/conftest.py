"""A state folder with registered models, and images to classify."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pipeline.inference.predicting.tiny_model import make_home


@pytest.fixture(scope="session")
def registered_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The state folder of tiny_model.make_home. Read-only: copy it to change it."""
    return make_home(tmp_path_factory.mktemp("registered"))
