"""The SDK's local mode, its local S3, and real data to run it on."""

from __future__ import annotations

import gzip
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from pipeline.local.state.local_aws import LocalAws
from pipeline.local.state.state_dir import Home
from pipeline.local.state.store import Store
from tests.conftest import real_data_set

TRAIN, TEST = 6000, 1000


@pytest.fixture(scope="session")
def sdk() -> ModuleType:
    """sdk_session: imported here, because importing the SDK warns of itself, and needs a region."""
    with warnings.catch_warnings(), pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        warnings.simplefilter("ignore")
        import sdk_session
    return sdk_session


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    home = Home.open(tmp_path_factory.mktemp("home"))
    with Store(home) as store, LocalAws(home, store) as aws:
        yield aws


@pytest.fixture(scope="session")
def small_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first images of the real data set, in files of the same names."""
    source = real_data_set()
    if source is None:
        pytest.skip("needs Fashion-MNIST: make data")
    folder = tmp_path_factory.mktemp("data")
    for file in sorted(source.glob("*-ubyte.gz")):
        content = gzip.decompress(file.read_bytes())
        count = TRAIN if file.name.startswith("train") else TEST
        dimensions = content[3]
        header, body = content[: 4 + 4 * dimensions], content[4 + 4 * dimensions :]
        items = np.frombuffer(body, np.uint8).reshape(int.from_bytes(header[4:8], "big"), -1)[:count]
        whole = header[:4] + count.to_bytes(4, "big") + header[8:] + items.tobytes()
        (folder / file.name).write_bytes(gzip.compress(whole, 1, mtime=0))
    return folder
