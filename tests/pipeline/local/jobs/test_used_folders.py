"""Tests for pipeline.local.jobs.used_folders."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.local.jobs.container import Container
from pipeline.local.jobs.hosts import make_hosts
from pipeline.local.jobs.joblog import JobLog
from pipeline.local.jobs.used_folders import MOST_WAITING, UsedFolders
from pipeline.local.state.identity import ProcessIdentity
from pipeline.local.state.state_dir import Home, scratch_owner
from tests.folders import make_deep

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux has a sandbox")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.open(tmp_path / "home")


def make(home: Home, used: UsedFolders, name: str, *mounts: str) -> Container:
    with JobLog(home.root / "log.txt", lambda line: None) as log:
        [host] = make_hosts(
            home.root / name,
            mounts,
            count=1,
            cores=1,
            log=log,
            user={"CUDA_VISIBLE_DEVICES": ""},
            seen_at=Path("/"),
            used=used,
        )
    return host.container


def contents(root: Path) -> dict[str, tuple[int, object]]:
    """The mode of each path below `root`, and its bytes or where it leads."""
    return {
        str(path.relative_to(root)): (
            path.lstat().st_mode,
            path.readlink() if path.is_symlink() else path.read_bytes() if path.is_file() else None,
        )
        for path in root.rglob("*")
    }


def littered(root: Path) -> None:
    """What jobs leave: outputs, caches, packages of pip, links out of their folder."""
    (root / "opt/ml/output/data/out.bin").write_bytes(bytes(1000))
    (root / "opt/ml/input/config/resourceconfig.json").write_text("{}")
    (root / "tmp/deep/er").mkdir(parents=True)
    (root / "tmp/deep/er/link").symlink_to("/etc/passwd")
    (root / "tmp/loop").symlink_to(root)
    (root / ".cache").mkdir()
    (root / ".venv/lib/python9.9").mkdir()
    os.mkfifo(root / "tmp/pipe")


def test_a_job_finds_a_used_folder_as_a_fresh_one(home: Home) -> None:
    with UsedFolders(home.scratch) as used:
        first = make(home, used, "first")
        fresh, number = contents(first.root), first.root.stat().st_ino
        littered(first.root)
        used.put(first.root)
        assert not first.root.exists()
        second = make(home, used, "second", "/data/in")
        # It is the same folder, or nothing would have been shown.
        assert second.root.stat().st_ino == number
        assert contents(second.root).keys() - fresh.keys() == {"data", "data/in"}
        used.put(second.root)
        third = make(home, used, "third")
        assert third.root.stat().st_ino == number
        assert contents(third.root) == fresh


def deleted(root: Path) -> None:
    (root / "opt/ml/model").rmdir()


def replaced_by_a_file(root: Path) -> None:
    deleted(root)
    (root / "opt/ml/model").write_text("")


def replaced_by_a_link(root: Path) -> None:
    deleted(root)
    (root / "opt/ml/model").symlink_to(root / "opt/ml/output")


def closed(root: Path) -> None:
    (root / "opt/ml/model").chmod(0o500)


def closed_as_a_whole(root: Path) -> None:
    root.chmod(0o700 if root.stat().st_mode & 0o077 else 0o711)


def marked(root: Path) -> None:
    try:
        os.setxattr(root / "opt/ml", "user.mark", b"1")
    except OSError as error:
        pytest.skip(f"no attributes here: {error}")


def of_another_layer(root: Path) -> None:
    file = root / ".venv/pyvenv.cfg"
    file.write_text(file.read_text().replace("false", "true "))


def of_another_length(root: Path) -> None:
    with (root / ".venv/pyvenv.cfg").open("a") as file:
        file.truncate(1 << 30)


def linked_elsewhere(root: Path) -> None:
    (root / "tmp/mine").hardlink_to(root / ".venv/bin/pip")


def led_elsewhere(root: Path) -> None:
    link = root / ".venv/bin/python"
    link.unlink()
    link.symlink_to("/bin/false")


def waits_for_a_writer(root: Path) -> None:
    (root / ".venv/pyvenv.cfg").unlink()
    os.mkfifo(root / ".venv/pyvenv.cfg")


@pytest.mark.parametrize(
    "change",
    [
        deleted, replaced_by_a_file, replaced_by_a_link, closed, closed_as_a_whole, marked, of_another_layer,
        of_another_length, linked_elsewhere, led_elsewhere, waits_for_a_writer,
    ],
)  # fmt: skip
def test_what_a_job_has_changed_no_other_gets(home: Home, change: Callable[[Path], None]) -> None:
    with UsedFolders(home.scratch) as used:
        first = make(home, used, "first")
        fresh = contents(first.root)
        number = first.root.stat().st_ino
        # Kept, so that its number stays its own.
        held = os.open(first.root, os.O_PATH)
        try:
            change(first.root)
            used.put(first.root)
            assert not first.root.exists()
            second = make(home, used, "second")
            assert second.root.stat().st_ino != number
            assert contents(second.root) == fresh
        finally:
            os.close(held)


@pytest.mark.parametrize("name", ["d", "d" * 40])
def test_a_tree_of_many_levels_ends_no_run_and_is_swept_up_after_a_kill(home: Home, name: str) -> None:
    with UsedFolders(home.scratch) as used:
        first = make(home, used, "first")
        make_deep(first.root / "tmp" / "deep", name)
        used.put(first.root)
        assert not first.root.exists()
    dead = home.temporary / home.scratch("job").name.replace(f"-{os.getpid()}.", "-4000000.", 1)
    dead.mkdir()
    make_deep(dead / "deep", name)
    home.sweep()
    assert list(home.temporary.iterdir()) == []


def test_nothing_is_left_at_the_end_and_what_a_kill_leaves_is_swept_up(home: Home) -> None:
    with UsedFolders(home.scratch) as used:
        containers = [make(home, used, f"job-{number}") for number in range(3)]
        for container in containers:
            used.put(container.root)
        left = list(home.temporary.iterdir())
        assert {scratch_owner(path.name) for path in left} == {ProcessIdentity.mine()}
        assert len(left) == 3
    assert list(home.temporary.iterdir()) == []


def test_no_more_wait_than_are_of_use(home: Home) -> None:
    with UsedFolders(home.scratch) as used:
        containers = [make(home, used, f"job-{number}") for number in range(MOST_WAITING + 1)]
        for container in containers:
            used.put(container.root)
            assert not container.root.exists()
        assert len(list(home.temporary.iterdir())) == MOST_WAITING


def test_a_folder_that_cannot_be_moved_is_deleted_where_it_is(home: Home) -> None:
    with UsedFolders(home.scratch) as used:
        container = make(home, used, "job")
        home.temporary.rmdir()
        used.put(container.root)
        assert not container.root.exists()


def test_the_folder_of_a_stopped_job_is_away_at_once_and_gone_at_the_end(home: Home) -> None:
    with UsedFolders(home.scratch) as used:
        for _ in range(2):  # Stopped again after a resume it has the same name.
            littered(make(home, used, "job").root)
            used.put_aside(home.root / "job")
            assert not (home.root / "job").exists()
        assert len(list(home.temporary.iterdir())) == 2
        assert all(scratch_owner(path.name) == ProcessIdentity.mine() for path in home.temporary.iterdir())
    assert list(home.temporary.iterdir()) == []
