"""A small data set for the tests that run the real steps: a seeded subset of Fashion-MNIST, or one like it."""

from __future__ import annotations

import gzip
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, settings

from pipeline.dataset.choice import DEBIAN_FOLDER
from pipeline.errors import FashionError
from pipeline.local.jobs.launchers.containers.engine import Engine, find_engine
from pipeline.targets.job_image import image_tag
from tests.commands_template import share_descriptions
from tests.forked_popen import fork_jobs, fork_programs, fork_workers, start_templates
from tests.shared import made_once
from tests.workers import (
    files_of,
    pytest_addoption,
    pytest_collection_finish,
    pytest_collection_modifyitems,
    pytest_make_collect_report,
    pytest_terminal_summary,
    pytest_xdist_auto_num_workers,
    pytest_xdist_make_scheduler,
)

__all__ = [
    "pytest_addoption",
    "pytest_collection_finish",
    "pytest_collection_modifyitems",
    "pytest_make_collect_report",
    "pytest_terminal_summary",
    "pytest_xdist_auto_num_workers",
    "pytest_xdist_make_scheduler",
]

ROOT = Path(__file__).resolve().parents[1]
# Where `make test` has the data set, unless there is none to be had.
PLACES = (Path(os.environ.get("FASHION_DATA") or DEBIAN_FOLDER), ROOT / ".local" / "data", DEBIAN_FOLDER)
COUNTS = {"train": 3000, "t10k": 600}

LONGEST_NAMED_BYTES = 16
# Of these pytest's workers import what they need sooner than of all that tests import.
FEW_FILES = 100

Pixels = npt.NDArray[np.uint8]

# `make test` draws the same examples each time, 40 unless a test says otherwise; "nightly" draws new ones.
SLOW = [HealthCheck.too_slow]  # so is a machine that has other things to do
settings.register_profile(
    "ci", max_examples=40, derandomize=True, deadline=None, print_blob=True, suppress_health_check=SLOW
)
settings.register_profile(
    "nightly", max_examples=1000, deadline=None, print_blob=True, suppress_health_check=SLOW
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or "ci")


def pytest_configure(config: pytest.Config) -> None:
    """A shell ignores SIGINT for what it starts in the background, nohup SIGHUP; what the tests start must not."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
    share_descriptions()
    if not hasattr(config, "workerinput"):
        early: tuple[str, ...] = ()
        if config.getoption("tx", None) and len(files_of(config.args)) > FEW_FILES:
            # Nothing can begin before there are workers; commands are what most tests run.
            early = ("workers", "commands with more")
            fork_workers()
        config.add_cleanup(start_templates(*early))
    fork_programs()


def _as_it_was(before: dict[str, str]) -> None:
    for name in os.environ.keys() - before.keys():
        del os.environ[name]
    os.environ.update(before)


@pytest.fixture(scope="module", autouse=True)
def _environment_of_a_module() -> Iterator[None]:
    """A command that a module's fixture runs in this process puts AWS out of its reach for good."""
    before = dict(os.environ)
    yield
    _as_it_was(before)


@pytest.fixture(autouse=True)
def _environment_of_a_test() -> Iterator[None]:
    """As that of a module, for what a test runs."""
    before = dict(os.environ)
    yield
    _as_it_was(before)


@pytest.fixture(scope="module")
def forked_jobs() -> Iterator[None]:
    """The jobs that this process starts take TensorFlow, and are forked with it."""
    fork_jobs()
    yield
    fork_jobs(False)


def pytest_make_parametrize_id(val: object) -> str | None:
    """Bytes are named by their length: those of an archive hold the time, and workers must name each test alike."""
    return f"{len(val)} bytes" if isinstance(val, bytes) and len(val) > LONGEST_NAMED_BYTES else None


def pytest_report_header() -> str:
    found = real_data_set()
    if found is None:
        return "data set: not found; the whole pipeline is tested on made-up images (make data fetches it)"
    return f"data set: {found}"


def real_data_set() -> Path | None:
    """The folder of the gzipped IDX files, where they are."""
    for folder in PLACES:
        if len(list(folder.glob("*-ubyte.gz"))) == 4:
            return folder
    return None


@pytest.fixture(scope="session")
def small_data_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The four gzipped IDX files of 3,000 training and 600 test images. Read-only: copy it to change it."""

    def make(folder: Path) -> str:
        source = real_data_set()
        for seed, (part, count) in enumerate(COUNTS.items()):
            images, labels = made_up(seed, count) if source is None else subset(source, part, seed, count)
            write_idx(folder / f"{part}-images-idx3-ubyte.gz", images)
            write_idx(folder / f"{part}-labels-idx1-ubyte.gz", labels)
        return str(folder)

    return Path(made_once(tmp_path_factory, "small-data-set", make))


def write_idx(path: Path, values: Pixels) -> None:
    """`values` (any number of dimensions) as a gzipped IDX file."""
    header = bytes([0, 0, 8, values.ndim]) + np.array(values.shape, ">u4").tobytes()
    path.write_bytes(gzip.compress(header + values.tobytes(), 1, mtime=0))


def read_idx(path: Path) -> Pixels:
    """The values of a gzipped IDX file."""
    content = gzip.decompress(path.read_bytes())
    dimensions = content[3]
    shape = np.frombuffer(content, ">u4", dimensions, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * dimensions).reshape(shape)


def subset(source: Path, part: str, seed: int, count: int) -> tuple[Pixels, Pixels]:
    """`count` images and labels of the real data set, chosen by `seed`, in their order."""
    images, labels = (read_idx(source / f"{part}-{kind}-ubyte.gz") for kind in ("images-idx3", "labels-idx1"))
    chosen = np.sort(np.random.default_rng(seed).permutation(len(labels))[:count])
    return images[chosen], labels[chosen]


def made_up(seed: int, count: int) -> tuple[Pixels, Pixels]:
    """Noise in which two rows, others for each class, are bright."""
    random = np.random.default_rng(seed)
    labels = (np.arange(count) % 10).astype(np.uint8)
    random.shuffle(labels)
    images = random.integers(0, 100, (count, 28, 28), dtype=np.uint8)
    for row in range(2):
        images[np.arange(count), 2 * labels.astype(int) + row] += 155
    return images, labels


@pytest.fixture
def fake_docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Makes a script the only program on the PATH, called docker; returns the file that notes its calls."""

    def install(script: str = "") -> Path:
        programs, calls = tmp_path / "programs", tmp_path / "calls"
        programs.mkdir(exist_ok=True)
        calls.touch()
        program = programs / "docker"
        noted = f"printf '%s ' \"$@\" >> '{calls}'; echo >> '{calls}'\n"
        program.write_text(f"#!/bin/sh\n{noted}{script}")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(programs))
        return calls

    return install


@pytest.fixture(scope="session")
def engine() -> Engine:
    """An engine that answers, with this project's image in it; without them the test is skipped."""
    try:
        engine = find_engine()
    except FashionError as error:
        pytest.skip(f"NOT TESTED: CONTAINERS. {error}")
    if engine.find_image(image_tag()) is None:
        pytest.skip(f"NOT TESTED: CONTAINERS. The engine lacks the image {image_tag()}: make image")
    return engine
