"""One account for the tests that only look around in it, and one for those that run the pipeline there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.pipeline.targets.aws.cloud.account import Cloud
from tests.pipeline.targets.aws.stubbed import Stubbed


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with Cloud(tmp_path_factory.mktemp("cloud")) as cloud:
        yield cloud


@pytest.fixture
def stubbed() -> Iterator[Stubbed]:
    """A stubbed account; whatever was written down must have been asked for in the end."""
    stubbed = Stubbed()
    yield stubbed
    stubbed.done()
