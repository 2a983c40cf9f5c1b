"""A stubbed account, and one on stand-ins."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.pipeline.targets.aws.cloud.account import Cloud
from tests.pipeline.targets.aws.stubbed import Stubbed


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
