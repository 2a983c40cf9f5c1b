import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.errors import StateError
from pipeline.local.state.identity import ProcessIdentity
from pipeline.local.state.openness import openness
from pipeline.local.state.state_dir import Home, home_from, scratch_owner
from tests.processes import ended_process

NOBODY = 65534


@pytest.fixture
def unprivileged() -> Iterator[Path]:
    """A folder that this process, acting as a user without privileges, may read but not write."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o555)
    root = os.geteuid() == 0
    if root:
        os.seteuid(NOBODY)
    try:
        yield folder
    finally:
        if root:
            os.seteuid(0)
        folder.chmod(0o755)
        shutil.rmtree(folder)


def test_opening_creates_the_folder_and_can_be_repeated(tmp_path: Path) -> None:
    home = Home.open(tmp_path / "deep" / "state")

    assert home.root == tmp_path / "deep" / "state"
    assert home.objects.is_dir()
    assert Home.open(home.root) == home


def test_the_state_folder_is_the_one_that_fashion_home_names(tmp_path: Path) -> None:
    assert home_from({"FASHION_HOME": str(tmp_path / "mine")}).root == tmp_path / "mine"


@pytest.mark.parametrize("environ", [{}, {"FASHION_HOME": ""}])
def test_without_fashion_home_the_state_is_in_the_working_directory(
    environ: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert home_from(environ).root == tmp_path / ".local"


@pytest.mark.parametrize("where", ["state", "state/below"])
def test_a_file_in_place_of_the_folder_is_refused_and_kept(where: str, tmp_path: Path) -> None:
    (tmp_path / "state").write_text("my notes")

    with pytest.raises(StateError, match=r"state.* is or lies under a file.*FASHION_HOME"):
        Home.open(tmp_path / where)
    assert (tmp_path / "state").read_text() == "my notes"


def test_an_address_is_no_state_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StateError, match=r"cannot be s3:/bucket/state: that is an address.*FASHION_HOME"):
        home_from({"FASHION_HOME": "s3://bucket/state"})
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_created_is_refused_with_the_reason(unprivileged: Path) -> None:
    with pytest.raises(
        StateError, match=r"could not create or read .*state.*: Permission denied.*FASHION_HOME"
    ):
        Home.open(unprivileged / "state")


def test_a_folder_that_belongs_to_another_user_is_refused(tmp_path: Path) -> None:
    folder = Path(tempfile.mkdtemp())
    try:
        Home.open(folder)
        for path in (folder, folder / "objects", folder / "tmp"):
            path.chmod(0o555)
        if os.geteuid() == 0:
            os.seteuid(NOBODY)
        with pytest.raises(StateError, match=r"you may not write in it.*mode 555; you are user \d+"):
            Home.open(folder)
    finally:
        if os.getuid() == 0:
            os.seteuid(0)
        for path in (folder, folder / "objects", folder / "tmp"):
            path.chmod(0o755)
        shutil.rmtree(folder)


def test_the_log_of_a_step_stays_in_the_executions_folder(tmp_path: Path) -> None:
    home = Home(tmp_path)

    assert home.step_log("e1", "Train-cnn-3x3-0") == home.execution("e1") / "logs" / "Train-cnn-3x3-0.log"
    for name in ("../../escape", "/etc/passwd", ".."):
        assert home.step_log("e1", name).resolve().parent == (home.execution("e1") / "logs").resolve()


def test_sweeping_removes_what_dead_processes_left_and_nothing_else(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "letter").write_text("dear")
    home = Home.open(tmp_path / "state")
    dead = ended_process()
    (home.temporary / f"fashion-{dead}-moto" / "sub").mkdir(parents=True)
    (home.temporary / f"fashion-{dead}-moto" / "link").symlink_to(theirs)
    (home.temporary / f"fashion-{dead}-object-1").write_text("partial")
    (home.temporary / f"fashion-{dead}-link").symlink_to(theirs)
    strays = ["stray", "fashion-notes", "fashion-12-notes", f"fashion-{dead}", f"my-fashion-{dead}-moto"]
    for name in strays:
        (home.temporary / name).write_text("")
    mine = home.scratch("object-2")
    mine.write_text("in use")
    (home.root / "executions").mkdir()

    assert home.sweep() is None

    assert {path.name for path in home.temporary.iterdir()} == {mine.name, *strays}
    assert (home.root / "executions").is_dir()
    assert (theirs / "letter").read_text() == "dear"


def test_a_new_state_folder_is_its_users_alone_and_an_older_one_stays_as_it_was(tmp_path: Path) -> None:
    new, old = tmp_path / "new", tmp_path / "old"
    old.mkdir()
    old.chmod(0o755)
    for root, mode in ((new, 0o700), (old, 0o755)):
        assert stat.S_IMODE(Home.open(root).root.stat().st_mode) == mode
        assert openness(root) is None
    Home.open(new)
    assert stat.S_IMODE(new.stat().st_mode) == 0o700


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o702])
def test_a_state_folder_that_everybody_can_write_to_is_told_with_what_closes_it(
    tmp_path: Path, mode: int
) -> None:
    tmp_path.chmod(mode)
    told = openness(Home.open(tmp_path).root)
    assert told is not None
    assert f"(mode {mode:o})" in told
    assert told.endswith(f"chmod o-w {tmp_path}")
    assert stat.S_IMODE(tmp_path.stat().st_mode) == mode


def test_what_cannot_be_told_to_be_of_a_dead_process_is_left_and_said(tmp_path: Path) -> None:
    home = Home.open(tmp_path / "state")
    dead = ended_process()
    elsewhere = ProcessIdentity(dead.pid, dead.started, "0123456789ab")
    left = [f"fashion-{elsewhere}-moto-1", f"{dead.pid}-object-1"]
    for name in left:
        (home.temporary / name).write_text("")

    said = home.sweep()

    assert {path.name for path in home.temporary.iterdir()} == set(left)
    assert said is not None
    assert all(name in said for name in (*left, str(home.temporary), "another container"))


def test_a_temporary_folder_that_is_a_link_is_not_swept(tmp_path: Path) -> None:
    home = Home.open(tmp_path / "state")
    home.temporary.rmdir()
    (tmp_path / "theirs").mkdir()
    home.temporary.symlink_to(tmp_path / "theirs")
    name = f"fashion-{ended_process()}-moto"
    (tmp_path / "theirs" / name).write_text("")

    assert home.sweep() is None

    assert (tmp_path / "theirs" / name).exists()


def test_a_temporary_file_is_named_for_its_process(tmp_path: Path) -> None:
    assert scratch_owner(Home(tmp_path).scratch("model-1").name) == ProcessIdentity.mine()
    for name in ("", "fashion-1.2.3-x", "1-moto", f"fashion-{ProcessIdentity.mine()}"):
        assert scratch_owner(name) is None


def test_what_cannot_be_swept_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = Home.open(tmp_path / "state")
    firm = home.temporary / f"fashion-{ended_process()}-stopped-1"
    firm.mkdir()
    with monkeypatch.context() as patched:
        patched.setattr("pipeline.local.state.state_dir.remove_tree", lambda folder: None)
        said = home.sweep()
    assert said is not None
    assert said.startswith(f"Could not remove {firm}, which ended commands have left.")
    assert home.sweep() is None
    assert not firm.exists()


@pytest.mark.parametrize("aim", ["state", "nowhere"])
def test_a_link_that_leads_nowhere_is_no_file(aim: str, tmp_path: Path) -> None:
    (tmp_path / "state").symlink_to(tmp_path / aim)
    with pytest.raises(
        StateError, match=r"state is a link that leads nowhere or in a circle\. Set --state to a"
    ):
        Home.open(tmp_path / "state", "--state")


def test_a_folder_whose_executions_are_another_users_is_refused(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("it takes root to have folders of two users")
    folder = Path(tempfile.mkdtemp())
    try:
        home = Home.open(folder)
        home.executions.mkdir(mode=0o755)
        for path in (folder, home.objects, home.temporary):
            path.chmod(0o777)
        os.seteuid(NOBODY)
        with pytest.raises(
            StateError, match=r"you may not write in it: .*executions belongs to user 0, mode 755"
        ):
            Home.open(folder)
    finally:
        os.seteuid(0)
        shutil.rmtree(folder)
