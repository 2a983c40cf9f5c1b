"""A pytest plugin: `pytest_plugins = ["pipeline.local.pytest_plugin"]` gives tests two fixtures.

`local_sagemaker` is a server of SageMaker's API on loopback (local_sagemaker.py): one for the whole session, with
an empty state for each test. While the test runs, the environment leads boto3 and the SDK there; its `client` gives
clients, and its `switches` make it fail. See docs/local-sagemaker.md.

`local_pipeline` runs compiled definitions by a call (testing.py).

Each test has a state folder and a local S3 of its own, which takes about a second. With

    [tool.pytest.ini_options]
    local_pipeline_scope = "session"

all tests (of a module: "module") share one: the start is paid once, and steps that have not changed are reused
where their CacheConfig allows it. What one test put into the S3 the next ones then see.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Literal, cast

import pytest

from pipeline.local.endpoint.surroundings import leads_elsewhere
from pipeline.local.local_sagemaker import LocalSageMaker
from pipeline.local.local_sagemaker import local_sagemaker as serve
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


@pytest.fixture(scope="session")
def local_sagemaker_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalSageMaker]:
    """The server of the session; tests ask for local_sagemaker."""
    with serve(tmp_path_factory.mktemp("local-sagemaker") / "state") as server:
        yield server


@pytest.fixture
def local_sagemaker(
    local_sagemaker_server: LocalSageMaker,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[LocalSageMaker]:
    """A SageMaker that executes, with nothing in it yet; see LocalSageMaker."""
    import boto3

    local_sagemaker_server.renew(tmp_path_factory.mktemp("local-sagemaker") / "state")
    for name in [name for name in os.environ if leads_elsewhere(name)]:
        monkeypatch.delenv(name)
    for name, value in local_sagemaker_server.environment.items():
        monkeypatch.setenv(name, value)
    # The session that boto3.client makes once, which may know another key.
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    yield local_sagemaker_server
    # What the test left running ends with it.
    local_sagemaker_server.engine.stop_all()
