"""A state folder with registered models, and a stubbed account."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pipeline.inference.predicting.tiny_model import make_home
from tests.pipeline.targets.aws.cloud.account import Cloud
from tests.pipeline.targets.aws.stubbed import Stubbed


@pytest.fixture(scope="session")
def registered_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The state folder of tiny_model.make_home. Read-only: copy it to change it."""
    return make_home(tmp_path_factory.mktemp("registered"))


@pytest.fixture
def stubbed() -> Iterator[Stubbed]:
    """A stubbed account; whatever was written down must have been asked for in the end."""
    stubbed = Stubbed()
    yield stubbed
    stubbed.done()


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """An account with the stack in it, for commands in a process of their own."""
    with Cloud(tmp_path_factory.mktemp("cloud")) as cloud:
        yield cloud
