"""What a user can get wrong about data set and state folder: told on one screen, and nothing is left behind."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.conftest import read_idx, real_data_set, write_idx
from tests.e2e.command import check_refusal, executions, run

pytestmark = pytest.mark.e2e

NOBODY = "65534"
IMAGES, LABELS = "train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"
TEST_LABELS = "t10k-labels-idx1-ubyte.gz"


def lose(folder: Path) -> None:
    (folder / LABELS).unlink()


def truncate(folder: Path) -> None:
    os.truncate(folder / IMAGES, 100_000)


def flip_a_bit(folder: Path) -> None:
    content = bytearray((folder / IMAGES).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / IMAGES).write_bytes(content)


@pytest.fixture
def data(small_data_set: Path, tmp_path: Path) -> Path:
    """A copy of the small data set, to be changed."""
    return Path(shutil.copytree(small_data_set, tmp_path / "data"))


@pytest.mark.parametrize(
    ("change", "texts"),
    [
        (lose, [f"{LABELS}: missing"]),
        (truncate, [f"{IMAGES}: truncated or damaged"]),
        (flip_a_bit, [f"{IMAGES}: damaged"]),
    ],
)
@pytest.mark.parametrize("flags", [[], ["--any-data"]])
def test_a_bad_file_is_named_before_anything_starts(
    change: Callable[[Path], None], texts: list[str], flags: list[str], data: Path, tmp_path: Path
) -> None:
    change(data)
    finished = run(tmp_path / "home", "run", "--data", data, *flags)
    check_refusal(finished, 1, "The data set must be a folder with", *texts)
    assert executions(tmp_path / "home") == []


def test_other_data_are_refused_unless_they_are_wanted(data: Path, tmp_path: Path) -> None:
    check_refusal(run(tmp_path / "home", "run", "--data", data), 1, "SHA-256", "--any-data")


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    finished = run(tmp_path / "home", "run", "--data", tmp_path / "nothing")
    check_refusal(finished, 1, f"{tmp_path / 'nothing'}: no such folder")


def test_swapped_files_of_the_data_set_are_told_apart(tmp_path: Path) -> None:
    source = real_data_set()
    if source is None:
        pytest.skip("the data set is not here")
    (tmp_path / "data").mkdir()
    for file in source.glob("*.gz"):
        other = {LABELS: TEST_LABELS, TEST_LABELS: LABELS}.get(file.name, file.name)
        (tmp_path / "data" / other).symlink_to(file)
    finished = run(tmp_path / "home", "run", "--data", tmp_path / "data")
    check_refusal(finished, 1, f"{LABELS}: swapped: this is t10k-labels", f"{TEST_LABELS}: swapped")


def test_data_that_only_parsing_can_tell_fail_the_first_step_with_the_reason(
    data: Path, later_home: Path
) -> None:
    labels = read_idx(data / LABELS).copy()
    labels[7] = 10
    write_idx(data / LABELS, labels)
    finished = run(later_home, "run", "--data", data, "--any-data", "--candidates", "baseline")
    reason = "labels must be 0..9, not 10 as at position 7"
    check_refusal(finished, 1, "NormalizeData failed", reason)
    latest, earlier = executions(later_home)
    assert (latest["status"], earlier["status"]) == ("Failed", "Succeeded")
    assert reason in latest["failure_reason"]
    assert [step["status"] for step in latest["steps"]] == ["Failed", *["Pending"] * 4]


@pytest.fixture
def ordinary_user() -> list[str]:
    """What to start a command with so that permissions hold for it."""
    if os.geteuid() != 0:
        return []
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        pytest.skip("no setpriv here, and for root every folder can be read")
    # setpriv itself still may everything when it starts a program; what `env` starts has lost that.
    somebody = [setpriv, "--reuid", NOBODY, "--regid", NOBODY, "--clear-groups", "env"]
    if subprocess.run([*somebody, sys.executable, "-c", "import rich"], capture_output=True).returncode == 0:
        return somebody
    # This Python lies where only root may look: root then, but without the power to read everything.
    return [setpriv, "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all"]


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody may look into; those of pytest are their owner's."""
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.mark.parametrize("locked", ["data", f"data/{IMAGES}"])
def test_data_that_may_not_be_read_are_refused(
    locked: str, small_data_set: Path, open_folder: Path, ordinary_user: list[str]
) -> None:
    shutil.copytree(small_data_set, open_folder / "data").chmod(0o755)
    (open_folder / "home").mkdir()
    (open_folder / "home").chmod(0o777)
    (open_folder / locked).chmod(0)
    finished = run(open_folder / "home", "run", "--data", open_folder / "data", under=ordinary_user)
    (open_folder / locked).chmod(0o755)
    check_refusal(finished, 1, "no permission to read it", Path(locked).name)


def test_a_state_folder_that_is_a_file_is_refused_and_kept(small_data_set: Path, tmp_path: Path) -> None:
    (tmp_path / "home").write_text("mine")
    finished = run(tmp_path / "home", "run", "--data", small_data_set, "--any-data")
    check_refusal(finished, 1, str(tmp_path / "home"))
    assert (tmp_path / "home").read_text() == "mine"


@pytest.mark.parametrize(
    ("words", "received"),
    [
        (["--param", "Epochs=0"], "from 1 to 10000, not '0'"),
        (["--param", "LearningRate=-0.1"], "at most 10, not '-0.1'"),
        (["--param", "Epochs=three"], "from 1 to 10000, not 'three'"),
        (["--param", "Speed=9"], "'Speed'"),
        (["--candidates", "cnn-9x9"], "'cnn-9x9'"),
        (["--target", "moon"], "'moon'"),
    ],
)
def test_wrong_usage_leaves_no_trace(words: list[str], received: str, tmp_path: Path) -> None:
    check_refusal(run(tmp_path / "home", "run", *words), 2, received)
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--tables", "abc", "--result", "r.json"], "--tables runs nothing"),
        (["--estimate", "--result", "r.json"], "--estimate runs nothing"),
        (["--out", "tables", "--result", "tables/study.json"], "Name a file outside tables"),
        (["--out", "tables", "--result", "tables/../tables/deep/r.json"], "Name a file outside tables"),
    ],
)
def test_a_result_of_a_study_that_would_be_lost_is_refused(
    words: list[str], told: str, tmp_path: Path
) -> None:
    (tmp_path / "tables" / "deep").mkdir(parents=True)
    places = [str(tmp_path / word) if word.startswith(("r.", "tables")) else word for word in words]
    finished = run(tmp_path / "home", "study", *places)
    check_refusal(finished, 2, told.replace("outside tables", f"outside {tmp_path / 'tables'}"))
    assert not (tmp_path / "r.json").exists()
