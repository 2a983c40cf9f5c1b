"""A docker command that only pretends, for what needs no engine; and the real engine, for tests marked docker."""

from __future__ import annotations

import gzip
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from pipeline.docker.engine import DockerError, require_engine, require_image
from pipeline.docker.image import image_tag
from pipeline.local.state.local_aws import LocalAws
from pipeline.local.state.state_dir import Home
from pipeline.local.state.store import Store

DATA = Path("/usr/share/datasets/fashion-mnist")
TRAIN, TEST = 6000, 1000

FakeDocker = Callable[..., Path]

COMPOSE = 'case "$*" in "compose version") echo "Docker Compose version v2.29.1"; exit 0 ;; esac\n'


@pytest.fixture
def fake_docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeDocker:
    """Makes the script, with or without compose, the only program on the PATH; returns the file of its calls."""

    def install(script: str = "", *, compose: bool = True) -> Path:
        programs, calls = tmp_path / "programs", tmp_path / "calls"
        programs.mkdir(exist_ok=True)
        calls.touch()
        program = programs / "docker"
        noted = f"printf '%s ' \"$@\" >> '{calls}'; echo >> '{calls}'\n"
        program.write_text("#!/bin/sh\n" + noted + (COMPOSE if compose else "") + script)
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(programs))
        return calls

    return install


@pytest.fixture(scope="session")
def engine() -> str:
    """The image of the jobs, in an engine that answers; without them the test is skipped."""
    image = image_tag()
    try:
        require_engine()
        require_image(image)
    except DockerError as error:
        pytest.skip(f"NOT TESTED: THE DOCKER TARGET. {error}")
    return image


@pytest.fixture(scope="session")
def sdk() -> ModuleType:
    """pipeline.docker.session: imported here, because importing the SDK warns of itself, and needs a region."""
    with warnings.catch_warnings(), pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        warnings.simplefilter("ignore")
        from pipeline.docker import session
    return session


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    home = Home.open(tmp_path_factory.mktemp("home"))
    with Store(home) as store, LocalAws(home, store) as aws:
        yield aws


@pytest.fixture(scope="session")
def small_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first images of the real data set, in files of the same names."""
    if not DATA.is_dir():
        pytest.skip(f"needs Fashion-MNIST in {DATA}")
    folder = tmp_path_factory.mktemp("data")
    for file in sorted(DATA.glob("*-ubyte.gz")):
        content = gzip.decompress(file.read_bytes())
        count = TRAIN if file.name.startswith("train") else TEST
        dimensions = content[3]
        header, body = content[: 4 + 4 * dimensions], content[4 + 4 * dimensions :]
        items = np.frombuffer(body, np.uint8).reshape(int.from_bytes(header[4:8], "big"), -1)[:count]
        whole = header[:4] + count.to_bytes(4, "big") + header[8:] + items.tobytes()
        (folder / file.name).write_bytes(gzip.compress(whole, 1, mtime=0))
    return folder
