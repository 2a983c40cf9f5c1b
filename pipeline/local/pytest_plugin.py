"""A pytest plugin: `pytest_plugins = ["pipeline.local.pytest_plugin"]` gives tests the fixture `local_pipeline`.

Each test has a state folder and a local S3 of its own, which takes about a second. With

    [tool.pytest.ini_options]
    local_pipeline_scope = "session"

all tests (of a module: "module") share one: the start is paid once, and steps that have not changed are reused
where their CacheConfig allows it. What one test put into the S3 the next ones then see.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, cast

import pytest

from pipeline.local.testing import LocalPipeline
from pipeline.local.testing import local_pipeline as open_pipeline

_Scope = Literal["session", "package", "module", "class", "function"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds the setting of the fixture's scope."""
    parser.addini(
        "local_pipeline_scope",
        "how long a local_pipeline lasts: function, module, session",
        default="function",
    )


def _scope(fixture_name: str, config: pytest.Config) -> _Scope:
    return cast("_Scope", config.getini("local_pipeline_scope"))


@pytest.fixture(scope=_scope)
def local_pipeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalPipeline]:
    """Runs compiled pipeline definitions without AWS; see LocalPipeline."""
    with open_pipeline(tmp_path_factory.mktemp("local-pipeline") / "state") as pipeline:
        yield pipeline
