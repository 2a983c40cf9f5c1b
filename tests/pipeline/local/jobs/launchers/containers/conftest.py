"""A bench whose jobs run in containers, with a local S3 that they reach."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from pipeline.local.jobs.launchers.containers.engine import Engine
from pipeline.local.jobs.launchers.containers.images import ImageChoice
from pipeline.local.jobs.launchers.containers.launcher import Containers
from pipeline.local.jobs.launchers.process import Process
from pipeline.local.jobs.programs import Programs
from pipeline.local.jobs.reaper import Reaper
from pipeline.local.state.local_aws import LocalAws
from pipeline.local.state.state_dir import Home
from pipeline.local.state.store import Store
from pipeline.targets.job_image import image_tag
from tests.pipeline.local.workbench import Workbench


@pytest.fixture(scope="module")
def containers_home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    # Names with what --mount and --volume take for their own.
    return Home.open(tmp_path_factory.mktemp("a home, it's:mine"))


@pytest.fixture(scope="module")
def containers_store(containers_home: Home) -> Iterator[Store]:
    with Store(containers_home) as store:
        yield store


@pytest.fixture(scope="module")
def containers_aws(engine: Engine, containers_home: Home, containers_store: Store) -> Iterator[LocalAws]:
    address = engine.address
    with LocalAws(containers_home, containers_store, address.listens_at, called=address.reached_at) as aws:
        yield aws


@pytest.fixture
def contained(
    engine: Engine, containers_home: Home, containers_aws: LocalAws, local_reaper: Reaper
) -> Iterator[Workbench]:
    """The bench; the images of its requests are all this project's."""
    bench = Workbench(containers_home, containers_aws, local_reaper)
    launcher = Containers(engine, [ImageChoice("an-image", image_tag())], Process(()), os.environ)
    bench.run_with(launcher)
    bench.run_programs(Programs(in_images=True))
    with launcher.around_execution():
        yield bench
