"""The local S3 and registry, started once for the tests that need them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pipeline.local.jobs.reaper import Reaper
from pipeline.local.state.local_aws import LocalAws
from pipeline.local.state.state_dir import Home
from pipeline.local.state.store import Store
from tests.pipeline.local.workbench import Workbench


@pytest.fixture(scope="session")
def local_home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home.open(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="session")
def local_store(local_home: Home) -> Iterator[Store]:
    with Store(local_home) as store:
        yield store


@pytest.fixture(scope="session")
def local_aws(local_home: Home, local_store: Store) -> Iterator[LocalAws]:
    with LocalAws(local_home, local_store) as aws:
        yield aws


@pytest.fixture(scope="session")
def local_reaper() -> Iterator[Reaper]:
    with Reaper(grace=0.3) as reaper:
        yield reaper


@pytest.fixture(params=["sandbox", "process"])
def either(bench: Workbench, request: pytest.FixtureRequest) -> Workbench:
    """The bench, with each launcher in turn; where this machine allows no sandbox, with the other alone."""
    if request.param == "sandbox" and bench.launcher.name != "sandbox":
        pytest.skip("this machine allows no sandbox")
    bench.use(request.param)
    return bench


@pytest.fixture
def bench(local_home: Home, local_aws: LocalAws, local_reaper: Reaper) -> Workbench:
    return Workbench(local_home, local_aws, local_reaper)
