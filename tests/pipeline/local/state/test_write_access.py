"""Why a folder cannot be written is told as it is: a read-only file system is nobody's wrong permissions."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.local.state.state_dir import Home
from pipeline.local.state.write_access import is_read_only, refusal_to_write

# Makes a folder read-only for one command, as a CD or an image does.
READ_ONLY = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" || exit 99; shift; exec "$@"'
Under = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def with_read_only(tmp_path_factory: pytest.TempPathFactory) -> Under:
    """Runs a command to which the folder is read-only."""
    ways = (["unshare", "--mount"], ["unshare", "--mount", "--map-root-user"])

    def run(way: list[str], folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
        command = [*way, "sh", "-c", READ_ONLY, "sh", str(folder), *words]
        environ = {**os.environ, "FASHION_HOME": str(folder)}
        return subprocess.run(command, capture_output=True, text=True, check=False, env=environ)

    for way in ways:
        try:
            if run(way, tmp_path_factory.mktemp("tried"), "true").returncode == 0:
                return lambda folder, *words: run(way, folder, *words)
        except FileNotFoundError:
            break
    pytest.skip("NOT TESTED: a read-only file system. Nothing can be mounted here")


@pytest.mark.parametrize("words", [("executions",), ("registry", "list"), ("run",)], ids=" ".join)
def test_a_state_folder_on_a_read_only_file_system_is_told_as_that(
    words: tuple[str, ...], tmp_path: Path, with_read_only: Under
) -> None:
    home = Home.open(tmp_path / "home")

    done = with_read_only(home.root, sys.executable, "-m", "pipeline", *words)

    assert (done.returncode, done.stdout) == (1, "")
    assert f"Opening the state folder {home.root}: its file system is read-only" in done.stderr
    assert "copy the folder and set FASHION_HOME to the copy." in done.stderr
    assert "belongs to user" not in done.stderr


def test_a_new_state_folder_there_is_told_as_that_too(tmp_path: Path, with_read_only: Under) -> None:
    command = "FASHION_HOME=$FASHION_HOME/new exec $0 -m pipeline executions"

    done = with_read_only(tmp_path, "sh", "-c", command, sys.executable)

    assert done.returncode == 1
    assert f"Opening the state folder {tmp_path}/new: its file system is read-only" in done.stderr
    assert "or set FASHION_HOME to another folder." in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("-c", "import sys; from pathlib import Path; from pipeline.study.place import prepare_folder as take\n"
             "try: take(Path(sys.argv[1]))\nexcept Exception as error: print(error)"),
            "for the study's tables: its file system is read-only. Name another folder with --out.",
        ),
        (
            ("-c", "import sys; from pathlib import Path\n"
             "from pipeline.inference.serving.capture_places import FolderPlace as take\n"
             "try: take(Path(sys.argv[1]))\nexcept Exception as error: print(error)"),
            "Could not capture requests in {}: its file system is read-only. Name another folder with --capture.",
        ),
    ],
    ids=["study --out", "serve --capture"],
)  # fmt: skip
def test_every_folder_that_a_command_is_to_write_to_is_told_so(
    words: tuple[str, ...], said: str, tmp_path: Path, with_read_only: Under
) -> None:
    done = with_read_only(tmp_path, sys.executable, *words, str(tmp_path))

    assert said.format(tmp_path) in done.stdout, done.stderr


def test_a_folder_that_can_be_written_is_not_refused(tmp_path: Path) -> None:
    assert refusal_to_write(tmp_path) is None
    assert not is_read_only(tmp_path)
